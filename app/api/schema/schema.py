"""The executable schema, with the limits on documents and the cache of validated documents."""

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
    OperationType,
    Undefined,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types import ExecutionResult
from strawberry.types.scalar import ScalarDefinition

from app.api.operations.execution import Executions, Operation
from app.api.operations.limits import Limits
from app.api.schema.change_types import CHANGE_TYPES
from app.api.schema.context import Context, Info
from app.api.schema.federation import ENTITIES_SDL, REPRESENTATION, FederatedQuery, Representation
from app.api.schema.mutations import Mutation
from app.api.schema.node_ids import NodeId
from app.api.schema.queries import Query
from app.api.schema.subscriptions import Subscription
from app.domain.ids import RequestId, UserId, Version

# The limit on comparisons of equally named fields during validation. With graphql-core's default of
# 500,000 a hostile document of 5 KB blocked the process for 0.63 s; with this one, for 0.07 s.
MAX_MERGING_EFFORT = 50_000


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
    UserId: _ID,
    RequestId: _ID,
    Version: DEFAULT_SCALAR_REGISTRY[int],
    Representation: REPRESENTATION,
}
_PARTS: Any = {
    "mutation": Mutation,
    "subscription": Subscription,
    "types": CHANGE_TYPES,
    "config": StrawberryConfig(info_class=Info, scalar_map=SCALARS),
}


class _PrintedSchema(strawberry.Schema):
    """Strawberry's schema without its `isOneOf`, which fails for list and non-null types."""

    def _extend_introspection(self) -> None:
        """Replace the resolver, in a type that all schemas of a process share."""
        super()._extend_introspection()
        introspected = cast("GraphQLObjectType", self._schema.type_map["__Type"])
        introspected.fields["isOneOf"].resolve = _is_one_of


class TeamJoinerSchema(_PrintedSchema):
    """Strawberry's schema, whose operations all transports execute by `executions`."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(
            FederatedQuery,
            **_PARTS,
        )
        _drop_null_defaults(self._schema)
        self.executions = Executions(self._schema, limits)

    async def is_subscription(self, text: str, operation_name: str | None, *, client: str) -> bool:
        """True for a subscription; False if the document is invalid."""
        if "subscription" not in text:
            return False
        try:
            operations = (await self.executions.documents.prepare(text, client)).operations
        except GraphQLError:
            return False
        return any(
            operation.kind is OperationType.SUBSCRIPTION
            for name, operation in operations.items()
            if operation_name in {None, name}
        )

    def as_str(self) -> str:
        """The schema for clients, without the fields for gateways."""
        return _printed()

    @property
    def problems(self) -> list[str]:
        """The names of the types that implement `Problem`."""
        problem = cast("GraphQLInterfaceType", self._schema.type_map["Problem"])
        return [each.name for each in self._schema.get_possible_types(problem)]

    async def execute(self, *given: Any, **named: Any) -> ExecutionResult:  # noqa: ANN401 - Strawberry's
        """The answer to an operation, with Strawberry's arguments."""
        return await self.executions.execute(_operation(*given, **named))

    async def stream(self, *given: Any, **named: Any) -> StreamResult:  # noqa: ANN401 - as above
        """The results of an operation; of a subscription, one for each event."""
        return self.executions.stream(_operation(*given, **named))


def _operation(
    query: str | None,
    variable_values: dict[str, Any] | None = None,
    context_value: Context | None = None,
    root_value: None = None,  # noqa: ARG001 - there is none
    operation_name: str | None = None,
    **_: object,
) -> Operation:
    return Operation(
        cast("Context", context_value), query or "", variable_values or {}, operation_name
    )


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
def build_schema(limits: Limits) -> TeamJoinerSchema:
    """The schema, built once."""
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_MERGING_EFFORT
    return TeamJoinerSchema(limits)


@lru_cache(maxsize=1)
def _printed() -> str:
    public = _PrintedSchema(Query, **_PARTS)
    _drop_null_defaults(public._schema)
    return public.as_str()


def print_schema(*, federation: bool = False) -> str:
    """The content of `schema.graphql`, or that of a subgraph's schema for Apollo Federation."""
    text = _printed() + "\n"
    return text + ENTITIES_SDL if federation else text
