"""The executable schema, with the limits on documents and the cache of validated documents."""

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
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.scalar import ScalarDefinition

from app.api.codes import Code
from app.api.errors import code_of, mask, present, present_all
from app.api.observation import note_bug
from app.api.operations.documents import Documents
from app.api.operations.execution import GuardedExecution, operations_under_way
from app.api.operations.limits import DEFAULT_LIMITS, Limits
from app.api.schema.change_types import CHANGE_TYPES
from app.api.schema.context import Info
from app.api.schema.mutations import Mutation
from app.api.schema.node_ids import NodeId
from app.api.schema.queries import Query
from app.api.schema.shared_answers import SharedResult, SharingExecutor
from app.api.schema.subscriptions import Subscription
from app.domain.ids import RequestId, TeamId, UserId, Version

# The limit on comparisons of equally named fields during validation. With graphql-core's default of
# 500,000 a hostile document of 5 KB blocked the process for 0.63 s; with this one, for 0.07 s.
MAX_MERGING_EFFORT = 50_000

# graphql-core's hint after an unknown name, which discloses names of the schema.
_SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)


def _read_time(text: object) -> datetime:
    """The time in RFC 3339's form. *Raises*: `ValueError`, also for a time without an offset."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("DateTime must be a time with an offset, such as 2026-11-26T09:00:00Z.")


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A time in UTC with milliseconds, such as `2026-11-26T09:00:00.000Z`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=lambda moment: (
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ),
    parse_value=_read_time,
)
_ID = DEFAULT_SCALAR_REGISTRY[strawberry.ID]
SCALARS: dict[object, ScalarDefinition] = {
    datetime: DATE_TIME,
    NodeId: _ID,
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
        """Whether the operation is a subscription; False if the document is invalid."""
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
        """Code and mask the errors of an answer."""
        errors[:] = present_all(errors)
        if any(code_of(error) == Code.INTERNAL_SERVER_ERROR for error in errors):
            note_bug()
        if not self._suggests_names:
            for error in errors:
                error.message = _SUGGESTION.sub("", error.message)

    async def _handle_execution_result(
        self,
        context: ExecutionContext,
        result: Any,  # noqa: ANN401 - a union of Strawberry's
        *args: Any,  # noqa: ANN401
        **given: Any,  # noqa: ANN401
    ) -> ExecutionResult:
        """Strawberry's, which completes each result. Shared ones are complete."""
        if isinstance(result, SharedResult):
            return result
        return await super()._handle_execution_result(context, result, *args, **given)

    def _extend_introspection(self) -> None:
        """Replace Strawberry's `isOneOf`, which fails for list and non-null types."""
        super()._extend_introspection()
        introspected = cast("GraphQLObjectType", self._schema.type_map["__Type"])
        introspected.fields["isOneOf"].resolve = _is_one_of

    @property
    def problems(self) -> list[str]:
        """The names of the types that implement `Problem`."""
        problem = cast("GraphQLInterfaceType", self._schema.type_map["Problem"])
        return [each.name for each in self._schema.get_possible_types(problem)]

    async def stream(self, *args: Any, **kwargs: Any) -> StreamResult:  # noqa: ANN401
        """Strawberry's stream, which would end without a result if execution fails to start."""
        return _with_error_of_start(await super().stream(*args, **kwargs))


async def _with_error_of_start(results: StreamResult) -> StreamResult:
    try:
        async with aclosing(results):
            async for result in results:
                yield result
    except Exception as error:
        if not isinstance(error, GraphQLError):  # a bug, which Strawberry would swallow
            error = mask(error)
        yield PreExecutionError(data=None, errors=[present(error)])


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """Drop `= null` from the printed schema: it only repeats that a value is optional.

    Omitted values take the Python defaults, which are None.
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
    """Null unless the type is an input object, as specified."""
    return type_.is_one_of if isinstance(type_, GraphQLInputObjectType) else None


@lru_cache(maxsize=1)
def build_schema(
    limits: Limits = DEFAULT_LIMITS, extensions: tuple[type[SchemaExtension], ...] = ()
) -> TeamJoinerSchema:
    """The schema, built once. `extensions` run outside of all others."""
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_MERGING_EFFORT
    return TeamJoinerSchema(limits, extensions)


def print_schema() -> str:
    """The content of `schema.graphql`."""
    return build_schema().as_str() + "\n"
