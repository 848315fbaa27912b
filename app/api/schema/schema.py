"""The executable schema: types, the limits on documents, and the cache of validated documents."""

import re
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLType,
    Undefined,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError
from strawberry.types.scalar import ScalarDefinition

from app.api.codes import Code
from app.api.errors import code_of, mask, present, present_all
from app.api.observation import note_bug
from app.api.operations.documents import Documents
from app.api.operations.execution import GuardedExecution, operations_under_way
from app.api.operations.limits import DEFAULT_LIMITS, Limits
from app.api.schema.context import Info
from app.api.schema.mutations import Mutation
from app.api.schema.queries import Query
from app.api.schema.shared_answers import SharingExecutor
from app.api.schema.subscriptions import Subscription
from app.api.schema.types import CHANGE_TYPES
from app.domain.ids import RequestId, TeamId, UserId, Version

# What comparing fields of the same name may cost a document's validation. With graphql-core's own
# 500,000 a hostile document of 5 KB held the process up for 0.63 s; so it is 0.07 s.
MAX_MERGING_EFFORT = 50_000

# What the library adds for those who mistyped a name: others, of which some can't be asked for.
_SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC to the millisecond, such as 2026-11-26T09:00:00.000Z.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=lambda moment: (
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ),
    parse_value=datetime.fromisoformat,
)
_ID = DEFAULT_SCALAR_REGISTRY[strawberry.ID]
SCALARS: dict[object, ScalarDefinition] = {
    datetime: DATE_TIME,
    TeamId: _ID,
    UserId: _ID,
    RequestId: _ID,
    Version: DEFAULT_SCALAR_REGISTRY[int],
}


class TeamJoinerSchema(strawberry.Schema):
    """A schema whose errors are coded and masked in one place, whatever the transport."""

    def __init__(self, limits: Limits, extensions: Sequence[type[SchemaExtension]]) -> None:
        super().__init__(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            types=CHANGE_TYPES,
            config=StrawberryConfig(info_class=Info, scalar_map=SCALARS),
            extensions=[
                *extensions,
                lambda: GuardedExecution(self._documents, limits, self._under_way),
            ],
            execution_context_class=SharingExecutor,
        )
        _drop_null_defaults(self._schema)
        self._documents = Documents(self._schema, limits)
        self._under_way = operations_under_way(limits)
        self._suggests_names = limits.introspection

    async def is_subscription(self, text: str, operation_name: str | None, *, client: str) -> bool:
        """Whether the operation is one; not if it can't be told."""
        if "subscription" not in text:
            return False
        try:
            operations = (await self._documents.prepare(text, client)).operations
        except GraphQLError:
            return False
        return any(
            operation.is_subscription
            for name, operation in operations.items()
            if operation_name in {None, name}
        )

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002 - the base's signature
    ) -> None:
        """Replaces the errors of an answer by what the client may see of them."""
        errors[:] = present_all(errors)
        if any(code_of(error) == Code.INTERNAL_SERVER_ERROR for error in errors):
            note_bug()
        if not self._suggests_names:
            for error in errors:
                error.message = _SUGGESTION.sub("", error.message)

    def _extend_introspection(self) -> None:
        """Strawberry's, whose `isOneOf` fails for lists and for types that are not null."""
        super()._extend_introspection()
        introspected = cast("GraphQLObjectType", self._schema.type_map["__Type"])
        introspected.fields["isOneOf"].resolve = _is_one_of

    @property
    def problems(self) -> list[str]:
        """The names of the types that refuse a mutation."""
        problem = cast("GraphQLInterfaceType", self._schema.type_map["Problem"])
        return [each.name for each in self._schema.get_possible_types(problem)]

    async def stream(self, *args: Any, **kwargs: Any) -> StreamResult:  # noqa: ANN401
        """Strawberry's, which would end without an answer where executing did not begin."""
        return _answer_what_does_not_begin(await super().stream(*args, **kwargs))


async def _answer_what_does_not_begin(results: StreamResult) -> StreamResult:
    try:
        async with aclosing(results):
            async for result in results:
                yield result
    except Exception as error:
        if not isinstance(error, GraphQLError):  # a bug, which Strawberry would not tell of
            error = mask(error)
        yield PreExecutionError(data=None, errors=[present(error)])


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """Leaves out `= null`, which says no more than that a value may be left out.

    Python's own defaults, which are `None`, stand in for what is left out.
    """
    for type_ in schema.type_map.values():
        values: list[GraphQLArgument | GraphQLInputField] = []
        if isinstance(type_, GraphQLInputObjectType):
            values = [*type_.fields.values()]
        elif isinstance(type_, GraphQLObjectType):
            values = [each for field in type_.fields.values() for each in field.args.values()]
        for value in values:
            if value.default_value is None:
                value.default_value = Undefined


def _is_one_of(type_: GraphQLType, _: GraphQLResolveInfo[Any]) -> bool | None:
    """As the specification has it: null for what is no input object."""
    return type_.is_one_of if isinstance(type_, GraphQLInputObjectType) else None


@lru_cache(maxsize=1)
def build_schema(
    limits: Limits = DEFAULT_LIMITS, extensions: tuple[type[SchemaExtension], ...] = ()
) -> TeamJoinerSchema:
    """The schema; it depends on nothing but the code and what is given, so it is built once.

    The `extensions` stand around everything else.
    """
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_MERGING_EFFORT
    return TeamJoinerSchema(limits, extensions)


def print_schema() -> str:
    """The schema's text as it stands in `schema.graphql`."""
    return build_schema().as_str() + "\n"
