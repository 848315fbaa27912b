"""How much of the service one client may hold: streams and WebSockets, said hello or not."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from strawberry.types import ExecutionResult

from app.api.codes import Code
from app.api.operations.counts import Counts
from app.api.operations.limits import Limits


class Waiting(Protocol):
    """A WebSocket that has not said hello."""

    async def turn_away(self) -> None:
        """Ends the connection."""


class Clients(Counts):
    """Counts connections. *Limits*: `max_connections_per_user` and `max_waiting_connections`."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(
            limits.max_connections_per_user, Code.TOO_MANY_CONNECTIONS, "connections at a time"
        )
        self._max_waiting = limits.max_waiting_connections
        self._waiting: OrderedDict[Waiting, None] = OrderedDict()

    async def counted(
        self, client: str, results: AsyncGenerator[ExecutionResult]
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The results of a stream, which counts from the first one asked for to its end.

        Others of the client may have begun since it was let in: then an error is all there is.
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

    async def wait(self, waiting: Waiting) -> None:
        """Notes a WebSocket that is yet to say hello.

        When there are too many, the one that has waited longest is turned away: a client says hello
        as soon as it is connected, so those who never do can't keep out those who do.
        """
        self._waiting[waiting] = None
        if len(self._waiting) > self._max_waiting:
            oldest, _ = self._waiting.popitem(last=False)
            await oldest.turn_away()

    def wait_no_longer(self, waiting: Waiting) -> None:
        """Forgets it, whether it has said hello or is gone."""
        self._waiting.pop(waiting, None)
