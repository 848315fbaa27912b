"""uvicorn's WebSocket protocol with a rate limit and bounded reads.

Input is handled in slices, so that other connections get their turn, and is charged to a token
bucket of the connection.
"""

import asyncio
from contextlib import suppress
from functools import cache
from typing import Any, Final, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode
from websockets.http11 import Request

from app.api.buckets import Buckets
from app.api.codes import Code
from app.api.http.websocket import SEND_TEXT
from app.serving.stalled import CLOSE_SECONDS, FLUSH_SECONDS, AbortsWhenStalled

# Bytes handled in one turn of the event loop. One read may bring 256 KB: 43,000 empty frames.
SLICE_BYTES: Final = 2_048

# A frame costs one token, and another for each of these: ten messages of 1 MB are a burst.
BYTES_LIKE_A_FRAME: Final = 10_000

_NO_HANDSHAKE: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FLOOD: Final = "Too many messages came in too short a time"


class MessageQueue:
    """An `asyncio.Queue` for one reader. While empty it takes 0.1 KB of memory instead of 3."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        """Adds a message."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def get_nowait(self) -> Any:  # noqa: ANN401 - an ASGI message
        """The first message. *Raises*: `IndexError` if there is none."""
        return self._messages.pop(0)

    async def get(self) -> Any:  # noqa: ANN401 - an ASGI message
        """The first message, as soon as there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._messages.pop(0)

    def empty(self) -> bool:
        """True if there is no message."""
        return not self._messages


class WebSocketProtocol(AbortsWhenStalled, WebSocketsSansIOProtocol):
    """A WebSocket that closes with 1012, "service restart", if its client should reconnect.

    *Limits*: `max_frames_per_second` of any kind, with bursts of ten seconds' worth; 0 for no
    limit. A connection that exceeds it is closed with 1008, "policy violation".
    """

    def __init__(self, *args: Any, max_frames_per_second: int = 0, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS
        self.queue = cast("Any", MessageQueue())
        self.writable = _writable()
        self._frames = Buckets(max_frames_per_second)
        self._bytes = 0
        self._unread = b""
        self._is_flooded = False

    def pause_writing(self) -> None:
        self.writable = asyncio.Event()
        super().pause_writing()

    def handle_connect(self, event: Request) -> None:
        """Accepts the handshake, and offers the application `send_text`."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][SEND_TEXT] = cast("Any", self.send_text)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if scope := getattr(self, "scope", None):  # a refused handshake has none
            scope["extensions"].clear()  # `send_text` refers to this object: a cycle

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
        """Handles data, and rejects a malformed handshake (too many headers, or a body).

        uvicorn does not answer it, and would keep the connection open for ever.
        """
        self._bytes += len(data)
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()) or _NO_HANDSHAKE)
            self.transport.close()

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI message
        """The next message for the application; reading resumes when all slices are handled."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty() and not self._unread:
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def handle_events(self) -> None:
        """Handles the frames that a slice completed, unless they exceed the rate limit."""
        extra, self._bytes = divmod(self._bytes, BYTES_LIKE_A_FRAME)
        if self._frames.take("", len(self.conn.events) + extra) == 0:
            super().handle_events()
        else:
            self._close_flooded()

    def _close_flooded(self) -> None:
        """Sends 1008 and discards further input: a reset could discard the close frame."""
        self._is_flooded = True
        if self.events is not None:
            self.events.refused(Code.RATE_LIMITED)
        self.conn.data_to_send()  # drops pongs
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
        """Queues a message; text that is not UTF-8 closes the connection with 1007.

        uvicorn raises if the same packet also held a close frame, which is handled next.
        """
        with suppress(InvalidState):
            super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answers, unless the peer reads nothing: unsent pongs would fill the memory.

        Of several pings only the last need be answered (RFC 6455, section 5.5.3).
        """
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    async def send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        """Sends a message, unless the protocol has closed the connection for invalid frames.

        The application may still be answering the frames before them. uvicorn would treat that as
        an error and log a traceback. *Raises*: `ClientDisconnected`.
        """
        await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The headers would last as long as the connection.
            self.request.headers.clear()
            del self.request, self.response

    async def send_text(self, text: bytes) -> None:
        """Sends a text, encoded in UTF-8, like `send`. *Raises*: `ClientDisconnected`."""
        if not self.writable.is_set():
            await self.writable.wait()
        if self.close_sent or self.disconnected:
            raise ClientDisconnected
        self.transport.write(text_frame(text))

    def shutdown(self) -> None:
        """Closes the connection, even if the peer no longer reads."""
        super().shutdown()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Closes with 1012, since graphql-ws does not reconnect after uvicorn's 1011."""
        self.shutdown()


def text_frame(text: bytes) -> bytes:
    """An unmasked, unfragmented text frame (RFC 6455, section 5.2)."""
    size = len(text)
    if size < 126:
        return b"\x81" + size.to_bytes(1) + text
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2) + text
    return b"\x81\x7f" + size.to_bytes(8) + text


@cache
def _writable() -> asyncio.Event:
    """The event that all connections share until their transport's buffer is full."""
    event = asyncio.Event()
    event.set()
    return event
