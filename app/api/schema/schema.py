"""The executable schema, with the limits on documents and the cache of validated documents."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import lru_cache, partial
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLType,
    MiddlewareManager,
    Undefined,
    create_source_event_stream,
)
from graphql import ExecutionResult as GraphQLResult
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult, _coerce_error, _coerce_pre_execution_error
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.await_maybe import await_maybe

from app.api.codes import Code
from app.api.errors import code_of, present, present_all
from app.api.execution.executor import CompilingExecutor
from app.api.observation import note_bug
from app.api.operations.documents import Documents
from app.api.operations.execution import GuardedExecution, operations_under_way
from app.api.operations.limits import DEFAULT_LIMITS, Limits
from app.api.schema.change_types import CHANGE_TYPES
from app.api.schema.context import Info
from app.api.schema.federation import ENTITIES_SDL, REPRESENTATION, FederatedQuery, Representation
from app.api.schema.mutations import Mutation
from app.api.schema.node_ids import NodeId
from app.api.schema.queries import Query
from app.api.schema.shared_answers import Selection, SharedResult
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
    Representation: REPRESENTATION,
}
_PARTS: Any = {
    "mutation": Mutation,
    "subscription": Subscription,
    "types": CHANGE_TYPES,
    "config": StrawberryConfig(info_class=Info, scalar_map=SCALARS),
}


class TeamJoinerSchema(strawberry.Schema):
    """A schema whose errors are coded and masked in one place, whatever the transport."""

    def __init__(self, limits: Limits, extensions: Sequence[type[SchemaExtension]]) -> None:
        super().__init__(
            FederatedQuery,
            **_PARTS,
            extensions=[
                *extensions,
                lambda: GuardedExecution(self._documents, limits, self._under_way),
            ],
            execution_context_class=CompilingExecutor,
        )
        _drop_null_defaults(self._schema)
        self._documents = Documents(self._schema, limits)
        self._under_way = operations_under_way(limits)
        self._suggests_names = limits.introspection

    async def is_subscription(self, text: str, operation_name: str | None, *, client: str) -> bool:
        """True for a subscription; False if the document is invalid."""
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

    @lru_cache(maxsize=1)  # noqa: B019 - the schema is built once
    def as_str(self) -> str:
        """The schema for clients, without the fields for gateways."""
        public = strawberry.Schema(Query, **_PARTS)
        _drop_null_defaults(public._schema)
        return public.as_str()

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

    async def _stream(
        self,
        execution_context: ExecutionContext,
        extensions_runner: SchemaExtensionsRunner,
        middleware_manager: MiddlewareManager,
        *_: object,
        **__: object,
    ) -> StreamResult:
        """The results of an operation; of a subscription, one for each event.

        Strawberry's would pass each through six more generators and contexts, and would end without
        a result if execution fails to start.
        """
        context, runner = execution_context, extensions_runner
        complete = partial(self._handle_execution_result, context, extensions_runner=runner)
        try:
            async with runner.operation():
                if refused := await self._prepare_operation_async(context, runner):
                    yield await complete(refused)
                elif context.operation_type is not OperationType.SUBSCRIPTION:
                    results = self._stream_non_subscription(context, runner, middleware_manager)
                    async with aclosing(results):
                        async for result in results:
                            yield result
                else:
                    try:
                        async with runner.executing():
                            begun = await self._begin_subscription(context, middleware_manager)
                        if isinstance(begun, PreExecutionError):
                            yield await complete(begun)
                            return
                        selection, events = begun
                        async with aclosing(events):
                            async for event in events:
                                result = selection.answer(event)
                                if isawaitable(result):
                                    result = await result
                                if isinstance(result, SharedResult):
                                    yield result
                                else:
                                    yield await complete(result)
                    except Exception as error:
                        yield await complete(GraphQLResult(None, [_coerce_error(error)]))
        except Exception as error:
            yield PreExecutionError(data=None, errors=[present(_coerce_pre_execution_error(error))])

    async def _begin_subscription(
        self, context: ExecutionContext, middleware_manager: MiddlewareManager
    ) -> tuple[Selection, AsyncGenerator[object]] | PreExecutionError:
        """The selection and the events of a subscription, or the errors of its arguments."""
        executor = CompilingExecutor.build(
            self._schema,
            cast("DocumentNode", context.graphql_document),
            None,
            context.context,
            context.variables,
            context.operation_name,
            middleware=middleware_manager,
        )
        if isinstance(executor, list):
            return PreExecutionError(data=None, errors=executor)
        events = await await_maybe(create_source_event_stream(executor))
        if isinstance(events, GraphQLResult):
            return PreExecutionError(data=None, errors=events.errors)
        selection = context.context.services.shared_answers.selection(executor)
        return selection, cast("AsyncGenerator[object]", events)


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


def print_schema(*, federation: bool = False) -> str:
    """The content of `schema.graphql`, or that of a subgraph's schema for Apollo Federation."""
    text = build_schema().as_str() + "\n"
    return text + ENTITIES_SDL if federation else text
