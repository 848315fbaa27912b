"""Ends connections whose request does not arrive in time, has no end, or is none.

Neither uvicorn nor its parser has a limit here: a client that sends a byte now and then, or nothing
at all, would hold its connection for ever, a head could be of any size, and so could the queue of
requests sent before the first answer.
"""

from asyncio import BaseTransport, TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.codes import Code
from app.api.errors import Refused, refuse
from app.api.request_id import begin_request
from app.serving.connections_end import HttpProtocol

MAX_HEAD_BYTES = 65_536

# Requests sent before the first one is answered: uvicorn keeps as many as come, and 5 MB of them
# took 120 MB. Clients that do so at all send a few.
MAX_PIPELINED = 16


class TimelyHttpProtocol(HttpProtocol):
    """HTTP whose requests must have arrived, to the last byte, within a time.

    It begins with the connection, and again with each request's first byte. Who is late is answered
    408. Between requests uvicorn's own limit for idle connections holds (5 seconds).

    *Limits*: `arrival_timeout_seconds`; 65,536 bytes for the request line and the headers;
    `MAX_PIPELINED` requests that wait for an answer.
    """

    def __init__(self, *args: Any, arrival_timeout_seconds: float, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._arrival_timeout_seconds = arrival_timeout_seconds
        self._deadline: TimerHandle | None = None
        self._head_bytes = 0
        self._is_in_body = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Begins to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it
        self._await_arrival()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline, and what was still to be answered."""
        self._arrived()
        super().connection_lost(exc)
        self.pipeline.clear()

    def on_message_begin(self) -> None:
        """Begins to wait for the rest of a request."""
        super().on_message_begin()
        self._head_bytes = 0
        self._is_in_body = False
        if self._deadline is None:
            self._await_arrival()

    def on_url(self, url: bytes) -> None:
        """Takes a part of the request line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header, but none that follows the body.

        A proxy that takes out headers does not look there (RFC 9110, section 6.5.1).
        """
        self._count_head(len(name) + len(value))
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands the request to the application, which reads the body as it comes.

        With two `Host` headers a proxy may have looked at the other one (RFC 9112, section 3.2).
        """
        if sum(name == b"host" for name, _ in self.headers) > 1:
            raise ValueError("There must be one Host header.")
        super().on_headers_complete()
        self._is_in_body = True
        if len(self.pipeline) > MAX_PIPELINED:
            raise ValueError("There are too many requests to be answered.")

    def on_message_complete(self) -> None:
        """Has the whole request."""
        self._arrived()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Gives the connection to the WebSocket protocol, which has its own time limits."""
        self._arrived()
        super().handle_websocket_upgrade()

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > MAX_HEAD_BYTES:
            # What a callback raises, here or above, its parser turns into `send_400_response`.
            raise ValueError("The request's head is too large.")

    def _await_arrival(self) -> None:
        self._deadline = self.loop.call_later(self._arrival_timeout_seconds, self._end)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._has_been_answered():
            self.transport.abort()
            return
        message = f"A request must have arrived within {self._arrival_timeout_seconds:g} seconds."
        self._refuse(Refused(Code.REQUEST_TIMEOUT, message))

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, coded as every refusal is."""
        self._refuse(Refused(Code.BAD_REQUEST, msg))

    def _refuse(self, refusal: Refused) -> None:
        """Answers in the application's stead, which does not know of this request.

        Where an earlier one is still being answered, this would be taken for that answer.
        """
        if self._is_answering_another():
            self.transport.abort()
            return
        request_id = begin_request(self.headers or ())
        if self.events is not None:
            self.events.refused(refusal.code)
        headers = {"Connection": "close", "X-Request-Id": request_id}
        response = refuse(refusal.code, refusal.reason, headers=headers)
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        status = STATUS_LINE[refusal.status_code]
        self.transport.write(status + head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def _is_answering_another(self) -> bool:
        """Whether what is being answered has arrived whole, and so is another request."""
        unanswered = self.unanswered
        if unanswered is None:
            return False
        return unanswered is not self.cycle or not unanswered.more_body

    def _has_been_answered(self) -> bool:
        """Whether an answer is under way, or was given without waiting for the rest."""
        if self._is_answering_another():
            return True
        running = self.running  # None until the first head is complete
        return running is not None and self._is_in_body and running.response_started
