"""Streaming responses to subscriptions: server-sent events and multipart."""

from collections.abc import AsyncGenerator, Mapping
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
    """Server-sent events with line feeds only, the one line end that urql knows."""

    def encode_event(self, event: str, data: str | None = None) -> str:
        """One event; its data is JSON on one line."""
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        """A line that clients ignore."""
        return f": {comment}\n\n"


class PartTransport(MultipartSubscriptionTransport):
    """Apollo's multipart subscriptions, framed by RFC 2046.

    Each part is sent with the next delimiter, without which Apollo would not read it.
    """

    preamble = f"--{MULTIPART_SUBSCRIPTION_BOUNDARY}"

    def encode_complete(self) -> str:
        """The end of the closing delimiter."""
        return "--\r\n"


class EventStream(StreamingResponse):
    """A stream that always closes its operation.

    When the client disconnects during a write, Starlette stops iterating, and without a close the
    operation would last until garbage collection.
    """

    def __init__(
        self,
        events: AsyncGenerator[str],
        operation: AsyncGenerator[ExecutionResult],
        headers: Mapping[str, str],
        preamble: str = "",
    ) -> None:
        body = _preceded(preamble, events) if preamble else events
        super().__init__(body, headers=headers)
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, then close the operation outside of the scope that is cancelled."""
        events = cast("AsyncGenerator[str]", self.body_iterator)
        async with aclosing(self._operation), aclosing(events):
            await super().__call__(scope, receive, send)


async def _preceded(preamble: str, events: AsyncGenerator[str]) -> AsyncGenerator[str]:
    async with aclosing(events):
        yield preamble
        async for event in events:
            yield event
