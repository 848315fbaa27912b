"""Checks around the execution of each operation, on every transport: document, limits, timeout."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.graphql import OperationType

from app.api.codes import Code
from app.api.errors import CodedError, database_unavailable, database_unsafe
from app.api.operations.counts import Counts
from app.api.operations.dearest import Valuation, too_costly
from app.api.operations.documents import Documents, PreparedDocument
from app.api.operations.limits import Limits
from app.api.operations.measures import MeasuredOperation, given_size
from app.api.operations.values import rounded

NEEDS_A_STREAM = CodedError(
    Code.BAD_REQUEST,
    "Subscribe over WebSocket (graphql-transport-ws), or ask for `Accept: text/event-stream`.",
)


class OperationNameNeeded(CannotGetOperationTypeError):
    """No operation is named in a document with several; Strawberry would run the first."""

    def as_http_error_reason(self) -> str:
        """The message for the client."""
        return "The document has several operations: `operationName` must name one."


class GuardedExecution(SchemaExtension):
    """Gives Strawberry the prepared document, and enforces the limits.

    *Limits*: a client has at most `max_operations_under_way_per_client`. An operation is answered
    within `request_timeout_seconds` after its text has arrived, at worst with the code
    `DATABASE_UNAVAILABLE`: the database is all that it can wait for. For a subscription both apply
    until it has begun.
    """

    def __init__(self, documents: Documents, limits: Limits, under_way: Counts) -> None:
        self._documents = documents
        self._limits = limits
        self._under_way = under_way
        self._prepared: PreparedDocument

    def on_operation(self) -> Iterator[None]:
        """Start the timeout; count the operation until it has ended.

        It must not refuse: the extensions outside would not observe that.
        """
        self._deadline = asyncio.get_running_loop().time() + self._limits.request_timeout_seconds
        with ExitStack() as self._counted:
            yield

    async def on_parse(self) -> AsyncIterator[None]:
        """Parse and validate, or take the document from the cache."""
        context = self.execution_context
        client = context.context.client
        self._counted.enter_context(self._under_way.one_more(client))
        prepared = self._prepared = await self._documents.prepare(context.query or "", client)
        context.context.begin_answer()
        context.graphql_document = prepared.document
        if len(prepared.operations) > 1 and context._provided_operation_name is None:
            raise OperationNameNeeded(None)
        yield

    def on_validate(self) -> Iterator[None]:
        """Report the errors found, in a new list, since Strawberry edits it."""
        context = self.execution_context
        errors = list(self._prepared.errors)
        if not errors:
            operation = self._prepared.operations[context.operation_name]
            variables = context.variables or {}
            errors += [*self._beyond_limits(operation, variables)] or self._documents.misfits(
                self._prepared, operation, variables
            )
            # Undeclared variables would stay in memory as long as a subscription.
            for name in variables.keys() - operation.variables.keys():
                del variables[name]
        if context.operation_type is OperationType.SUBSCRIPTION and context.context.answers_once:
            errors.append(NEEDS_A_STREAM)
        context.pre_execution_errors = errors
        yield

    def _beyond_limits(
        self, operation: MeasuredOperation, variables: Mapping[str, Any]
    ) -> Iterator[GraphQLError]:
        """The limits that a valid document exceeds with these variables."""
        cost = operation.measures.cost
        if cost.parts:
            values = {**operation.defaults, **variables}
            found = cost.with_variables(values)
            if found > self._limits.max_cost:
                yield self._too_costly(values, found)
        if refusal := rounded(self._prepared.document, variables):
            yield refusal

    def _too_costly(self, values: Mapping[str, Any], found: int) -> CodedError:
        return too_costly(
            self._prepared.document,
            self.execution_context.operation_name,
            Valuation(
                cost=lambda cost: cost.with_variables(values),
                size=lambda size: size if isinstance(size, int) else given_size(size, values),
            ),
            limit=self._limits.max_cost,
            found=found,
        )

    async def on_execute(self) -> AsyncIterator[None]:
        """Require a prepared database, and a safe one for mutations; enforce the timeout."""
        services = self.execution_context.context.services
        if not services.is_prepared():
            raise database_unavailable()
        is_mutation = self.execution_context.operation_type is OperationType.MUTATION
        if is_mutation and not services.is_safe():
            raise database_unsafe()
        try:
            async with asyncio.timeout_at(self._deadline):
                yield
        except TimeoutError:
            raise database_unavailable() from None
        if self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            self._counted.close()


def operations_under_way(limits: Limits) -> Counts:
    """Counts the operations under way per client, on all transports."""
    return Counts(
        limits.max_operations_under_way_per_client,
        Code.TOO_MANY_OPERATIONS,
        "operations under way",
        advice="Wait for the answers to some of them and send it again.",
    )
