"""Writes are sent together at the end of a turn, unless the peer has gone meanwhile."""

import asyncio
import socket

import pytest

from app.serving.http_protocol import JoinedWrites

uvloop = pytest.importorskip("uvloop")  # its transports raise what asyncio's ignore


async def _write_and_lose_the_peer() -> list[str]:
    """The messages that the event loop logs when a peer closes before a write is sent."""
    loop = asyncio.get_running_loop()
    logged: list[str] = []
    loop.set_exception_handler(lambda _, context: logged.append(context["message"]))
    ours, peer = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    peer.close()
    async with asyncio.timeout(5):
        while not transport.is_closing():
            await asyncio.sleep(0)
    await asyncio.sleep(0)  # in this turn uvloop closes its handle

    joined = JoinedWrites(transport, loop)
    joined.write(b"an answer")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    return logged


def test_an_answer_whose_client_has_gone_is_dropped() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        logged = runner.run(_write_and_lose_the_peer())

    assert logged == []
