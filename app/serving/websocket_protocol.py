"""uvicorn's WebSocket protocol with bounds: how it reads and closes, and how much may be sent.

Everything that a peer sends is read in slices, so that other connections get their turn, and is
charged to a token bucket of the connection.
"""

from contextlib import suppress
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode

from app.api.buckets import Buckets
from app.api.codes import Code
from app.serving.stalled import CLOSE_SECONDS, FLUSH_SECONDS, AbortsWhenStalled

# Bytes handled in one turn of the event loop. One read may bring 256 KB: 43,000 empty frames.
SLICE_BYTES: Final = 2_048

# A frame counts once, and once more for each of these: ten messages of 1 MB are a burst.
BYTES_LIKE_A_FRAME: Final = 10_000

_NO_HANDSHAKE: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FLOOD: Final = "Too many messages came in too short a time"


class WebSocketProtocol(AbortsWhenStalled, WebSocketsSansIOProtocol):
    """WebSocket that closes with 1012, "service restart", wherever its client should reconnect.

    *Limits*: `max_frames_per_second`, whatever their kind and ten seconds' worth at once; 0 for
    none. Beyond it the connection is closed with 1008, "policy violation".
    """

    def __init__(self, *args: Any, max_frames_per_second: int = 0, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS
        self._frames = Buckets(max_frames_per_second)
        self._bytes = 0
        self._unread = b""
        self._is_flooded = False

    def data_received(self, data: bytes) -> None:
        """Handles the first slice now and the rest in later turns of the event loop."""
        if self._is_flooded:
            return
        if self._unread:
            self._unread += data
        elif len(data) <= SLICE_BYTES or not self.handshake_initiated:
            self._receive(data)
        else:
            self._unread = data
            self._read_slice()

    def _read_slice(self) -> None:
        """Handles one slice. Reading is paused while there is another."""
        if self.transport.is_closing() or self._is_flooded:
            self._unread = b""
            return
        data, self._unread = self._unread[:SLICE_BYTES], self._unread[SLICE_BYTES:]
        self._receive(data)
        if self.transport.is_closing():
            return
        if self._unread:
            self.read_paused = True
            self.transport.pause_reading()
            self.loop.call_soon(self._read_slice)
        elif self.read_paused and (self.queue.empty() or self._is_flooded):
            self.read_paused = False
            self.transport.resume_reading()

    def _receive(self, data: bytes) -> None:
        """Handles data; a request that is no handshake is answered, which uvicorn leaves undone.

        Too many headers, or a body: such connections would stay open for ever, known to nobody.
        """
        self._bytes += len(data)
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()) or _NO_HANDSHAKE)
            self.transport.close()

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI message
        """The next message for the application. Reading goes on when all slices are handled."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty() and not self._unread:
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def handle_events(self) -> None:
        """Handles the frames that a slice completed, unless they are too many."""
        extra, self._bytes = divmod(self._bytes, BYTES_LIKE_A_FRAME)
        if self._frames.take("", len(self.conn.events) + extra) == 0:
            super().handle_events()
        else:
            self._close_flooded()

    def _close_flooded(self) -> None:
        """Says 1008 and reads on without looking: a reset would take the close frame with it."""
        self._is_flooded = True
        if self.events is not None:
            self.events.refused(Code.RATE_LIMITED)
        self.conn.data_to_send()  # the answers to its pings
        while self.handshake_complete and not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.POLICY_VIOLATION})
        with suppress(InvalidState):  # closed already, or not open yet
            self.conn.send_close(CloseCode.POLICY_VIOLATION, _FLOOD)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def send_receive_event_to_app(self) -> None:
        """Hands a message on; text that is no UTF-8 ends the connection with 1007.

        Uvicorn fails to where a close frame has come in the same packet, which is dealt with next.
        """
        with suppress(InvalidState):
            super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answers, unless the peer takes nothing: the answers would fill the memory.

        Of several pings only the last need be answered (RFC 6455, section 5.5.3).
        """
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        """Sends it, unless the protocol has closed the connection for broken frames.

        The application may still be answering what came before them. Uvicorn calls that the
        application's error, and would log a traceback for each. *Raises*: `ClientDisconnected`.
        """
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def shutdown(self) -> None:
        """Ends the connection, with a peer that no longer reads too."""
        super().shutdown()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Ends it as a shutdown does: after uvicorn's own 1011, graphql-ws does not reconnect."""
        self.shutdown()
