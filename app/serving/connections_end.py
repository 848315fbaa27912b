"""How the server's connections end, so that clients reconnect: small changes to uvicorn's."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.observation import CONNECTION_EVENTS, ConnectionEvents

# For a peer that is gone: what is still unsent is given up after that.
FLUSH_SECONDS = 3

# For a request that is under way on an idle connection while the server shuts down.
LAST_REQUEST_SECONDS = 1.0

# For a peer that never answers our goodbye. Ten thousand silent sockets, opened as fast as one
# machine can, held 105 MB at 3 s: each lingers so long after it has been turned away.
CLOSE_SECONDS = 1.0

# For a peer that is there and reads nothing: what is sent to it waits no longer.
STALLED_SECONDS = 30.0


class EndsWhenStalled(asyncio.Protocol):
    """A connection whose peer takes nothing for `STALLED_SECONDS` is cut.

    Until then it holds one subscriber's buffer and the transport's; without it, for ever.
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    app_state: dict[str, Any]
    _giving_up: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Lets nobody write, and begins to wait."""
        super().pause_writing()
        self._giving_up = self.loop.call_later(STALLED_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        """The peer has read."""
        super().resume_writing()
        if self._giving_up is not None:
            self._giving_up.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for any more."""
        super().connection_lost(exc)
        if self._giving_up is not None:
            self._giving_up.cancel()

    @property
    def events(self) -> ConnectionEvents | None:
        """Who is told; nobody where the application has no lifespan."""
        return self.app_state.get(CONNECTION_EVENTS)

    def _give_up(self) -> None:
        if self.events is not None:
            self.events.stalled()
        self.transport.abort()


class HttpProtocol(EndsWhenStalled, HttpToolsProtocol):
    """HTTP whose streams end when the server shuts down.

    Uvicorn lets an answer under way finish, which a stream of events never does. It is cut without
    its `complete` event, so that its client reads on elsewhere.
    """

    running: RequestResponseCycle | None = None
    """The request that is being answered, or was last; uvicorn's `cycle` is the one read last."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def unanswered(self) -> RequestResponseCycle | None:
        """The request that is being answered; None while the application has nothing to do."""
        running = self.running
        return None if running is None or running.response_complete else running

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being answered; uvicorn tells the one read last."""
        if unanswered := self.unanswered:
            unanswered.disconnected = True
            unanswered.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Ends the connection, after its answer unless that is a stream.

        An idle one stays open for `LAST_REQUEST_SECONDS`: its client may have sent a request that
        has not arrived, and closing would lose it.
        """
        if self.unanswered:
            self._end_connection()
        else:
            self.loop.call_later(LAST_REQUEST_SECONDS, self._end_connection)

    def _end_connection(self) -> None:
        if self.transport.is_closing():
            return
        super().shutdown()
        if (unanswered := self.unanswered) and unanswered.response_started:
            self.transport.close()
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
        else:
            # What is still to be answered may turn out to be a stream.
            self.loop.call_later(LAST_REQUEST_SECONDS, self._end_connection)
