"""The end of a stream of events, wherever its client leaves it."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Message
from strawberry.http.streaming import merge_stream_with_heartbeat
from strawberry.types import ExecutionResult

from app.api.http.event_stream import EventStream

PATIENCE_SECONDS = 10


class Operation:
    """Results without end, and whether that has come all the same."""

    is_over = False

    async def results(self) -> AsyncGenerator[ExecutionResult]:
        try:
            while True:
                yield ExecutionResult(data={}, errors=None)
        finally:
            self.is_over = True


async def test_a_client_that_leaves_while_it_is_written_to_ends_the_operation() -> None:
    operation = Operation()
    results = operation.results()
    is_stuck = asyncio.Event()

    async def text() -> AsyncGenerator[str]:
        async for _ in results:
            yield "event"

    async def send(message: Message) -> None:
        if message.get("body"):
            is_stuck.set()
            await asyncio.Event().wait()  # until it is cancelled

    async def receive() -> Message:
        await is_stuck.wait()
        return {"type": "http.disconnect"}

    merged = merge_stream_with_heartbeat(
        text, lambda: "ping", interval=1, send_initial_heartbeat=False
    )
    stream = EventStream(merged(), results, {})
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stream({"type": "http"}, receive, send)

    # What it came from is held here, as it may be anywhere until the garbage is collected.
    assert operation.is_over
