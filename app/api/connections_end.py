"""How the server's connections end, so that clients reconnect: small changes to uvicorn's."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# For a peer that is gone: what is still unsent is given up after that.
FLUSH_SECONDS = 3


class HttpProtocol(HttpToolsProtocol):
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


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket that says 1012, "service restart", wherever its client should reconnect."""

    def shutdown(self) -> None:
        """Ends the connection, with a peer that no longer reads too."""
        super().shutdown()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Ends it as a shutdown does: after uvicorn's own 1011, graphql-ws does not reconnect."""
        self.shutdown()
