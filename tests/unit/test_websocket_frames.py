"""The frames and the queue of the WebSocket protocol."""

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from app.serving.websocket_protocol import MessageQueue, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_frame_is_that_of_the_websockets_package(size: int) -> None:
    text = b"x" * size

    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


async def test_a_queue_gives_its_messages_in_order_and_survives_a_cancelled_reader() -> None:
    queue = MessageQueue()
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.wait([reader])

    queue.put_nowait(1)
    queue.put_nowait(2)

    assert [await queue.get(), queue.get_nowait(), queue.empty()] == [1, 2, True]
