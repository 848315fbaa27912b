"""What every operation passes, whatever the transport: the cache, the limits and the time."""

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
from app.api.operations.cost import given_size
from app.api.operations.counts import Counts
from app.api.operations.dearest import Valuation
from app.api.operations.documents import Documents, PreparedDocument
from app.api.operations.limits import Limits, too_costly
from app.api.operations.measures import MeasuredOperation
from app.api.operations.values import rounded

NEEDS_A_STREAM = CodedError(
    Code.BAD_REQUEST,
    "Subscribe over WebSocket (graphql-transport-ws), or ask for `Accept: text/event-stream`.",
)


class OperationNameNeeded(CannotGetOperationTypeError):
    """Of several operations none is named; Strawberry would take the first."""

    def as_http_error_reason(self) -> str:
        """What the client may do about it."""
        return "The document has several operations: `operationName` must name one."


class GuardedExecution(SchemaExtension):
    """Gives Strawberry the prepared document, and ends what takes too much.

    *Limits*: a client has at most `max_operations_under_way_per_client`. An operation is answered
    within `request_timeout_seconds` after its text has come, if need be with the code
    `DATABASE_UNAVAILABLE`, since the database is all that it can wait for. Of a subscription both
    hold for its beginning.
    """

    def __init__(self, documents: Documents, limits: Limits, under_way: Counts) -> None:
        self._documents = documents
        self._limits = limits
        self._under_way = under_way
        self._prepared: PreparedDocument

    def on_operation(self) -> Iterator[None]:
        """Surrounds all the rest: here the time begins, and here the operation counts no more.

        It refuses nothing: what stands around it would not hear of that.
        """
        self._deadline = asyncio.get_running_loop().time() + self._limits.request_timeout_seconds
        with ExitStack() as self._counted:
            yield

    async def on_parse(self) -> AsyncIterator[None]:
        """Parses and validates, or finds the document in the cache."""
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
        """Hands over the errors found; a list of its own, since Strawberry edits it."""
        context = self.execution_context
        errors = list(self._prepared.errors)
        if not errors:
            operation = self._prepared.operations[context.operation_name]
            variables = context.variables or {}
            errors += [*self._beyond_limits(operation, variables)] or self._documents.misfits(
                self._prepared, operation, variables
            )
            _forget_what_is_not_asked_for(operation, variables)
        if context.operation_type is OperationType.SUBSCRIPTION and context.context.answers_once:
            errors.append(NEEDS_A_STREAM)
        context.pre_execution_errors = errors
        yield

    def _beyond_limits(
        self, operation: MeasuredOperation, variables: Mapping[str, Any]
    ) -> Iterator[GraphQLError]:
        """What these variables make of a valid document."""
        cost = operation.measures.cost
        if cost.parts:
            found = cost.with_variables({**operation.defaults, **variables})
            if found > self._limits.max_cost:
                yield self._too_costly({**operation.defaults, **variables}, found)
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
        """Lets nothing reach a database that is not prepared, and nothing wait for it too long.

        Lets no mutation reach one that has lost an index or the validator.
        """
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
    """Counts the operations that are being executed, over whatever transport."""
    return Counts(
        limits.max_operations_under_way_per_client,
        Code.TOO_MANY_OPERATIONS,
        "operations under way",
        advice="Wait for the answers to some of them and send it again.",
    )


def _forget_what_is_not_asked_for(operation: MeasuredOperation, variables: dict[str, Any]) -> None:
    """Variables that the operation does not declare would stay as long as a subscription does."""
    for name in variables.keys() - operation.variables.keys():
        del variables[name]
