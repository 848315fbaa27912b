"""uvicorn's HTTP protocol with limits on requests, and event streams that end at shutdown."""

import math
from asyncio import AbstractEventLoop, BaseTransport, TimerHandle, Transport
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.api.codes import Code
from app.api.errors import Refused, refuse
from app.api.request_id import begin_request
from app.serving.stalled import FLUSH_SECONDS, AbortsWhenStalled

MAX_HEAD_BYTES: Final = 65_536

# uvicorn queues any number of pipelined requests: 5 MB of them took 120 MB.
MAX_PIPELINED: Final = 16

# At shutdown, for a request that is already on its way on an idle connection.
LAST_REQUEST_SECONDS: Final = 1.0


class JoinedWrites:
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes the head and the body of a response separately; the second system call took 10 %
    of the processor time of a request that does nothing.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any of the transport's
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def flush(self) -> None:
        """Send what has been written, unless the peer has gone: uvloop's transport then raises."""
        if self._written and not self.transport.is_closing():
            self.transport.write(b"".join(self._written))
        self._written.clear()

    def close(self) -> None:
        self.flush()
        self.transport.close()


class HttpProtocol(AbortsWhenStalled, HttpToolsProtocol):
    """HTTP/1.1 for clients that may be slow or hostile.

    *Limits*: a request must arrive within `arrival_timeout_seconds` of the connection or of its
    first byte, else it is answered 408; between requests uvicorn closes after 5 seconds. Request
    line and headers of `MAX_HEAD_BYTES` (and one read), `MAX_PIPELINED` unanswered requests.
    """

    _timer: TimerHandle | None = None
    _head_bytes_left: float = MAX_HEAD_BYTES
    _answering: RequestResponseCycle | None = None
    """The request that is being answered, or was last; uvicorn's `cycle` is the one read last."""

    def __init__(self, *args: Any, arrival_timeout_seconds: float, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._arrival_timeout_seconds = arrival_timeout_seconds

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it
        self._joined = JoinedWrites(self.transport, self.loop)
        self.transport = self._joined  # type: ignore[assignment]  # it has all that uvicorn uses
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        # uvicorn notifies the request read last, which may wait behind an event stream.
        if unanswered := self._unanswered():
            unanswered.disconnected = True
            unanswered.message_event.set()
        super().connection_lost(exc)
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        self._head_bytes_left -= len(data)
        # Not only in on_message_begin: before that the parser skips any number of line ends.
        self._start_timer()
        super().data_received(data)
        if self._head_bytes_left < 0 and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes_left = MAX_HEAD_BYTES
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Rejects two `Host` headers, of which a proxy may have used the other (RFC 9112, 3.2)."""
        if sum(name == b"host" for name, _ in self.headers) > 1:
            raise ValueError("There must be one Host header.")
        self._head_bytes_left = math.inf
        # A copy, since the parser adds trailers to the headers: a proxy that removes or replaces
        # headers does not look there (RFC 9110, 6.5.1).
        self.scope["headers"] = self.headers.copy()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED:
            raise ValueError("There are too many unanswered requests.")

    def on_message_complete(self) -> None:
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._joined.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        self._joined.flush()
        self.transport = self._joined.transport
        super().handle_websocket_upgrade()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._arrival_timeout_seconds, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            message = (
                f"A request must have arrived within {self._arrival_timeout_seconds:g} seconds."
            )
            self._refuse(Refused(Code.REQUEST_TIMEOUT, message))

    def send_400_response(self, msg: str) -> None:
        self._refuse(Refused(Code.BAD_REQUEST, msg))

    def _refuse(self, refusal: Refused) -> None:
        """Answers a request that the application may not know of, and closes the connection."""
        if not self._is_next_answer():
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

    def _is_next_answer(self) -> bool:
        """True if the client would take an answer for that of the request now arriving."""
        last = self._answering
        if self.pipeline or last is None:
            return not self.pipeline
        if last.response_complete:
            return not last.more_body  # else it was answered before its body had arrived
        return last.more_body and not last.response_started

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _unanswered(self) -> RequestResponseCycle | None:
        answering = self._answering
        return None if answering is None or answering.response_complete else answering

    def shutdown(self) -> None:
        """Closes the connection after its last answer, or after `LAST_REQUEST_SECONDS` if idle.

        An event stream would never finish. It is cut, without a `complete` event, so that its
        client reconnects elsewhere.
        """
        if self._unanswered():
            self._close()
        else:
            self.loop.call_later(LAST_REQUEST_SECONDS, self._close)

    def _close(self) -> None:
        if self.transport.is_closing():
            return
        super().shutdown()
        if (unanswered := self._unanswered()) and unanswered.response_started:
            self.transport.close()
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
        else:
            # The response that has not started may turn out to be an event stream.
            self.loop.call_later(LAST_REQUEST_SECONDS, self._close)
