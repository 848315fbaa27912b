"""Timeouts for the end of a connection, HTTP or WebSocket."""

import asyncio
from typing import Any, Final

from app.api.observation import CONNECTION_EVENTS, ConnectionEvents

# For the last bytes to a peer that may be gone.
FLUSH_SECONDS: Final = 3.0

# For the answer to a WebSocket close frame. Ten thousand silent sockets, opened as fast as one
# machine can, held 105 MB at 3 s: each lingers for this time after it was closed.
CLOSE_SECONDS: Final = 1.0

STALLED_SECONDS = 30.0


class AbortsWhenStalled(asyncio.Protocol):
    """A protocol that aborts the connection of a peer that has read nothing for `STALLED_SECONDS`.

    Until then the subscriber's buffer and the transport's stay in memory.
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    app_state: dict[str, Any]
    _stall_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALLED_SECONDS, self._abort_stalled)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    @property
    def events(self) -> ConnectionEvents | None:
        """The application's callbacks; None if it has no lifespan."""
        return self.app_state.get(CONNECTION_EVENTS)

    def _abort_stalled(self) -> None:
        if self.events is not None:
            self.events.stalled()
        self.transport.abort()
