"""An answer that goes on as long as its operation: server-sent events, or a part for each event."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionResult


class EventStream(StreamingResponse):
    """A stream whose operation ends with it, however that ends.

    When the client goes away while it is written to, Starlette stops in the midst of the events,
    and an operation that nobody closes lasts until the garbage collector comes by.
    """

    def __init__(
        self, stream: StreamingResponse, operation: AsyncGenerator[ExecutionResult]
    ) -> None:
        super().__init__(stream.body_iterator, stream.status_code, stream.headers)
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events, and closes what they came from: outside of what Starlette cancels."""
        events = cast("AsyncGenerator[str]", self.body_iterator)
        async with aclosing(self._operation), aclosing(events):
            await super().__call__(scope, receive, send)
