"""An answer that goes on as long as its operation: server-sent events, or a part for each event."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.http.streaming import (
    MULTIPART_SUBSCRIPTION_BOUNDARY,
    MultipartSubscriptionTransport,
    SSETransport,
)
from strawberry.types import ExecutionResult


class EventTransport(SSETransport):
    """Server-sent events whose lines end with a line feed alone: urql looks for no other end."""

    def encode_event(self, event: str, data: str | None = None) -> str:
        """One event, whose data, JSON without spaces, is one line."""
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        """A line that clients pass over."""
        return f": {comment}\n\n"


class PartTransport(MultipartSubscriptionTransport):
    """Apollo's multipart subscriptions, framed as RFC 2046 has it.

    Each part is sent with the delimiter after it, without which Apollo would not look at it.
    """

    preamble = f"--{MULTIPART_SUBSCRIPTION_BOUNDARY}"

    def encode_complete(self) -> str:
        """What makes the last delimiter the closing one."""
        return "--\r\n"


class EventStream(StreamingResponse):
    """A stream whose operation ends with it, however that ends.

    When the client goes away while it is written to, Starlette stops in the midst of the events,
    and an operation that nobody closes lasts until the garbage collector comes by.
    """

    def __init__(
        self,
        stream: StreamingResponse,
        operation: AsyncGenerator[ExecutionResult],
        preamble: str = "",
    ) -> None:
        events = cast("AsyncGenerator[str]", stream.body_iterator)
        body = _preceded(preamble, events) if preamble else events
        super().__init__(body, stream.status_code, stream.headers)
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events, and closes what they came from: outside of what Starlette cancels."""
        events = cast("AsyncGenerator[str]", self.body_iterator)
        async with aclosing(self._operation), aclosing(events):
            await super().__call__(scope, receive, send)


async def _preceded(preamble: str, events: AsyncGenerator[str]) -> AsyncGenerator[str]:
    async with aclosing(events):
        yield preamble
        async for event in events:
            yield event
