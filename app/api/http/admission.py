"""Admission: the limits that operations and connections pass on every transport.

The endpoint, the WebSocket handler and the single-connection mode share one `Admission` per
process.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope
from strawberry.types import ExecutionResult

from app.api.codes import Code
from app.api.errors import CodedError
from app.api.http.rate_limit import RateLimits
from app.api.observation import Observers
from app.api.operations.counts import Counts
from app.api.operations.limits import Limits
from app.api.operations.persisted_documents import PersistedDocuments
from app.api.schema.context import Context


class PendingWebSocket(Protocol):
    """A WebSocket before its `connection_init`."""

    async def evict(self) -> None:
        """Close the connection."""


class ConnectionLimits(Counts):
    """Open connections per client. *Limits*: `max_connections_per_user`.

    WebSockets before `connection_init` belong to no client yet: `max_waiting_connections` in all.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(
            limits.max_connections_per_user, Code.TOO_MANY_CONNECTIONS, "connections at a time"
        )
        self._max_pending = limits.max_waiting_connections
        self._pending: OrderedDict[PendingWebSocket, None] = OrderedDict()

    async def counted(
        self, client: str, results: AsyncGenerator[ExecutionResult]
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The results of a stream, which counts as a connection from the first result to its end.

        The limit is checked again here: another stream of the client may have begun between its
        admission and its first result.
        """
        if refusal := self.refusal(client):
            yield ExecutionResult(data=None, errors=[refusal])
            return
        self.enter(client)
        try:
            async with aclosing(results):
                async for result in results:
                    yield result
        finally:
            self.leave(client)

    async def add_pending(self, websocket: PendingWebSocket) -> None:
        """Add a WebSocket before `connection_init`; beyond the limit, evict the oldest.

        A client initialises as soon as it is connected, so connections that never do can't keep
        out those that do.
        """
        self._pending[websocket] = None
        if len(self._pending) > self._max_pending:
            oldest, _ = self._pending.popitem(last=False)
            await oldest.evict()

    def remove_pending(self, websocket: PendingWebSocket) -> None:
        """Remove a WebSocket that has been initialised or closed."""
        self._pending.pop(websocket, None)


@dataclass(frozen=True)
class Admission:
    """The shared limits, the persisted documents, and the observers of refusals."""

    connections: ConnectionLimits
    rates: RateLimits
    documents: PersistedDocuments
    observers: Observers

    def check_address(self, scope: Scope) -> None:
        """Count one operation for the address. *Raises*: `CodedError`."""
        if refusal := self.rates.refusal_of_address(scope):
            raise refusal

    def check_rates(self, context: Context, scope: Scope, count: int = 1, counted: int = 0) -> None:
        """Count operations for the user and the address. *Raises*: `CodedError`.

        `check_address` has counted `counted` of them for the address already.
        """
        refusal = self.rates.refusal_of_user(scope, context.viewer_id, count)
        if refusal := refusal or self.rates.refusal_of_address(scope, count - counted):
            raise refusal

    def refused(self, error: CodedError) -> ExecutionResult:
        """The result of an operation that is refused instead of executed."""
        self.observers.refused(error.code)
        return ExecutionResult(data=None, errors=[error])
