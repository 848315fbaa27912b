"""How the server's connections end, so that clients reconnect: small changes to uvicorn's."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# For a peer that is gone: what is still unsent is given up after that.
FLUSH_SECONDS = 3

# For a peer that never answers our goodbye. Ten thousand silent sockets, opened as fast as one
# machine can, held 105 MB at 3 s: each lingers so long after it has been turned away.
CLOSE_SECONDS = 1.0

# For a peer that is there and reads nothing: what is sent to it waits no longer.
STALLED_SECONDS = 30.0


class _EndsWhenStalled(asyncio.Protocol):
    """A connection whose peer takes nothing for `STALLED_SECONDS` is cut.

    Until then it holds one subscriber's buffer and the transport's; without it, for ever.
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _giving_up: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Lets nobody write, and begins to wait."""
        super().pause_writing()
        self._giving_up = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The peer has read."""
        super().resume_writing()
        if self._giving_up is not None:
            self._giving_up.cancel()

    def connection_lost(self, error: Exception | None) -> None:
        """There is nothing to wait for any more."""
        super().connection_lost(error)
        if self._giving_up is not None:
            self._giving_up.cancel()


class HttpProtocol(_EndsWhenStalled, HttpToolsProtocol):
    """HTTP whose streams end when the server shuts down.

    Uvicorn lets an answer under way finish, which a stream of events never does. It is cut without
    its `complete` event, so that its client reads on elsewhere.
    """

    def shutdown(self) -> None:
        """Ends the connection, after its answer unless that is a stream."""
        super().shutdown()
        if not self.transport.is_closing() and self.cycle.response_started:
            self.transport.close()
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)


class WebSocketProtocol(_EndsWhenStalled, WebSocketsSansIOProtocol):
    """WebSocket that says 1012, "service restart", wherever its client should reconnect."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS

    def shutdown(self) -> None:
        """Ends the connection, with a peer that no longer reads too."""
        super().shutdown()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Ends it as a shutdown does: after uvicorn's own 1011, graphql-ws does not reconnect."""
        self.shutdown()
