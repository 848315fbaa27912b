"""The execution of operations, the same on every transport: document, limits, timeout, errors."""

import asyncio
import re
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, Final, Protocol

from graphql import ExecutionResult as GraphQLResult
from graphql import GraphQLError, GraphQLSchema, OperationType, create_source_event_stream
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.codes import Code
from app.api.errors import (
    CodedError,
    NotExecutable,
    code_of,
    database_unavailable,
    database_unsafe,
    present_all,
)
from app.api.execution.executor import CompilingExecutor
from app.api.observation import note_bug
from app.api.operations.counts import Counts
from app.api.operations.dearest import dearest_paths, too_costly
from app.api.operations.documents import Documents, PreparedDocument
from app.api.operations.limits import Limits
from app.api.operations.measures import MeasuredOperation
from app.api.operations.values import rounded

ALL_KINDS: Final = frozenset(OperationType)
NEEDS_A_STREAM: Final = CodedError(
    Code.BAD_REQUEST,
    "Subscribe over WebSocket (graphql-transport-ws), or ask for `Accept: text/event-stream`.",
)
_SUBSCRIPTION: Final = OperationType.SUBSCRIPTION

# graphql-core's hint after an unknown name, which discloses names of the schema.
_SUGGESTION: Final = re.compile(r" Did you mean .*", re.DOTALL)


class OperationContext(Protocol):
    """The part of a request's context that is needed here."""

    services: Any
    answers_once: bool
    """True if the transport carries a single answer."""

    @property
    def client(self) -> str:
        """The key for per-client limits."""

    def begin_answer(self) -> None:
        """Called before each answer; a WebSocket's answers share a context."""


@dataclass(slots=True)
class Operation:
    """A requested operation; the fields after `includes_cost` are set during its execution."""

    context: OperationContext
    text: str
    variables: dict[str, Any]
    name: str | None = None
    allowed: Collection[OperationType] = ALL_KINDS
    includes_cost: bool = False
    extensions: dict[str, object] | None = field(default=None, init=False)
    kind: OperationType | None = field(default=None, init=False)
    errors: Sequence[GraphQLError] = field(default=(), init=False)


class Executions:
    """Executes operations within the limits.

    *Limits*: a client has at most `max_operations_under_way_per_client`. An operation is answered
    within `request_timeout_seconds` after its text has arrived, at worst with the code
    `DATABASE_UNAVAILABLE`: the database is all that it can wait for. For a subscription both apply
    until it has begun.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self.documents = Documents(schema, limits)
        self._under_way = Counts(
            limits.max_operations_under_way_per_client,
            Code.TOO_MANY_OPERATIONS,
            "operations under way",
            advice="Wait for the answers to some of them and send it again.",
        )

    async def execute(self, operation: Operation) -> ExecutionResult:
        """The answer; a `PreExecutionError` if no resolver has run."""
        context = operation.context
        with context.services.observers.observing(operation):
            deadline = self._deadline()
            client = context.client
            if refusal := self._under_way.refusal(client):
                return self._refused(operation, [refusal])
            self._under_way.enter(client)
            try:
                executor = await self._admit(operation)
                if isinstance(executor, list):
                    return self._refused(operation, executor)
                return await self._run(operation, executor, deadline)
            finally:
                self._under_way.leave(client)

    async def stream(self, operation: Operation) -> AsyncGenerator[ExecutionResult, None]:
        """The answer; of a subscription, one for each event."""
        context = operation.context
        with context.services.observers.observing(operation):
            client = context.client
            if refusal := self._under_way.refusal(client):
                yield self._refused(operation, [refusal])
                return
            self._under_way.enter(client)
            try:
                begun = await self._begin(operation)
            finally:
                self._under_way.leave(client)
            if isinstance(begun, ExecutionResult):
                yield begun
                return
            # No executor here: it would stay in memory as long as the subscription.
            selection, events = begun
            try:
                async with aclosing(events):
                    async for event in events:
                        result = selection.answer(event)
                        if isawaitable(result):
                            result = await result
                        is_shared = isinstance(result, ExecutionResult)
                        yield result if is_shared else self._answer(operation, result)
            except Exception as error:
                yield self._answer(operation, _failure(error))

    async def _begin(self, operation: Operation) -> ExecutionResult | tuple[Any, Any]:
        """The answer, or the selection and the events of a subscription."""
        deadline = self._deadline()
        executor = await self._admit(operation)
        if isinstance(executor, list):
            return self._refused(operation, executor)
        if operation.kind is not _SUBSCRIPTION:
            return await self._run(operation, executor, deadline)
        try:
            async with asyncio.timeout_at(deadline):
                self._check_database(operation)
                begun = create_source_event_stream(executor)
                events: Any = await begun if isawaitable(begun) else begun
        except Exception as error:
            return self._answer(operation, _failure(error))
        if isinstance(events, GraphQLResult):
            return self._refused(operation, events.errors or [])
        return operation.context.services.shared_answers.selection(executor), events

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._limits.request_timeout_seconds

    async def _admit(self, operation: Operation) -> CompilingExecutor | list[GraphQLError]:
        """The executor of an operation, or the errors that prevent its execution."""
        context, text = operation.context, operation.text
        try:
            _require_text(text)
            prepared = self.documents.find(text)
            if prepared is None:
                prepared = await self.documents.prepare(text, context.client)
            context.begin_answer()
            found = _find(operation, prepared)
        except Exception as error:
            return [_as_graphql_error(error)]
        errors, variables = list(prepared.errors), operation.variables
        if not errors:
            errors = [*self._beyond_limits(operation, prepared, found)]
            # Undeclared variables would stay in memory as long as a subscription.
            for name in variables.keys() - found.variables.keys():
                del variables[name]
        if found.kind is _SUBSCRIPTION and context.answers_once:
            errors.append(NEEDS_A_STREAM)
        if errors:
            return errors
        executor: CompilingExecutor | list[GraphQLError] = CompilingExecutor.build(
            self._schema,
            prepared.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=found.name,
        )
        if isinstance(executor, list):
            return self.documents.misfits(prepared, found, variables) or executor
        return executor

    def _beyond_limits(
        self, operation: Operation, prepared: PreparedDocument, measured: MeasuredOperation
    ) -> Iterator[GraphQLError]:
        """The limits that a valid document exceeds with its variables."""
        cost, limit, variables = measured.measures.cost, self._limits.max_cost, operation.variables
        document, name = prepared.document, measured.name
        if cost.parts or operation.includes_cost:
            values = {**measured.defaults, **variables}
            if (found := cost.of(values)) > limit:
                yield too_costly(document, name, values, limit=limit, found=found)
            elif operation.includes_cost:
                dearest = dearest_paths(document, name, values)
                shown = {"requested": found, "limit": limit, "dearest": dearest}
                operation.extensions = {"cost": shown}
        if refusal := rounded(document, variables):
            yield refusal

    async def _run(
        self, operation: Operation, executor: CompilingExecutor, deadline: float
    ) -> ExecutionResult:
        """The answer to a query or a mutation."""
        if tracer := operation.context.services.observers.tracer:
            executor.around_root_field = tracer.root_field
        try:
            async with asyncio.timeout_at(deadline):
                self._check_database(operation)
                result = executor.execute_operation()
                if not isinstance(result, GraphQLResult):
                    result = await result
        except Exception as error:
            result = _failure(error)
        answer = self._answer(operation, result)
        answer.extensions = operation.extensions
        return answer

    def _check_database(self, operation: Operation) -> None:
        """*Raises*: `CodedError` unless the database is prepared, and safe for mutations."""
        services = operation.context.services
        if not services.is_prepared():
            raise database_unavailable()
        if operation.kind is OperationType.MUTATION and not services.is_safe():
            raise database_unsafe()

    def _answer(self, operation: Operation, result: GraphQLResult) -> ExecutionResult:
        errors = self._present(operation, result.errors) if result.errors else None
        return ExecutionResult(result.data, errors)

    def _refused(self, operation: Operation, errors: list[GraphQLError]) -> ExecutionResult:
        return PreExecutionError(None, self._present(operation, errors))

    def _present(self, operation: Operation, errors: Iterable[GraphQLError]) -> list[GraphQLError]:
        """The errors coded and masked, in one place for all transports."""
        presented = operation.errors = present_all(errors)
        if any(code_of(error) == Code.INTERNAL_SERVER_ERROR for error in presented):
            note_bug()
        if not self._limits.introspection:
            for error in presented:
                error.message = _SUGGESTION.sub("", error.message)
        return presented


def _require_text(text: str) -> None:
    if not text:
        raise NotExecutable("The request has no GraphQL document.")


def _find(operation: Operation, prepared: PreparedDocument) -> MeasuredOperation:
    """The operation in its document. *Raises*: `NotExecutable`."""
    operations, name = prepared.operations, operation.name
    if name is None and len(operations) > 1:
        reason = "The document has several operations: `operationName` must name one."
        raise NotExecutable(reason, cause=CannotGetOperationTypeError(None))
    found = next(iter(operations.values()), None) if name is None else operations.get(name)
    if found is None:
        unknown = CannotGetOperationTypeError(name)
        raise NotExecutable(unknown.as_http_error_reason(), cause=unknown)
    operation.name, operation.kind = found.name, found.kind
    if found.kind not in operation.allowed:
        if found.kind is not OperationType.MUTATION or _SUBSCRIPTION not in operation.allowed:
            raise NotExecutable("A stream of this kind carries subscriptions only.")
        raise NotExecutable(
            "Mutations are not allowed in a GET request. Send them by POST.",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            headers={"Allow": "POST"},
        )
    return found


def _failure(error: Exception) -> GraphQLResult:
    if isinstance(error, TimeoutError):
        error = database_unavailable()
    return GraphQLResult(None, [_as_graphql_error(error)])


def _as_graphql_error(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
