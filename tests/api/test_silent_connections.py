"""WebSockets that never send `connection_init`."""

import asyncio
import resource
from contextlib import AsyncExitStack
from time import monotonic

import psutil

from tests.api.world import own_server
from tests.harness.client import Client
from tests.harness.servers import Server
from tests.harness.subscriber import close_code, connected, receive, subscribe
from tests.harness.waiting import eventually

WAITING = 200
SILENT = 5_000
ANSWER_SECONDS = 5.0
BYTES_PER_WAITING = 100_000
SPARE_BYTES = 40_000_000

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


server = own_server(MAX_WAITING_CONNECTIONS=str(WAITING))


async def test_silent_sockets_exclude_no_other_client(
    server: Server,
) -> None:
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)  # each socket is one
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    process = psutil.Process(server.pid)
    before, files = process.memory_info().rss, process.num_fds()
    writers: list[asyncio.StreamWriter] = []

    async def open_silent(count: int) -> None:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writers.append(writer)
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")

    most, slowest = 0, 0.0
    attack = asyncio.gather(*(open_silent(SILENT // 20) for _ in range(20)))
    try:
        async with Client(server.url, timeout_seconds=ANSWER_SECONDS) as client:
            while not attack.done():
                began = monotonic()
                await client.execute("{ teams { totalCount } }")
                async with connected(server.url) as socket:
                    await subscribe(socket, "{ __typename }")
                    assert (await receive(socket))["type"] == "next"
                slowest = max(slowest, monotonic() - began)
                most = max(most, process.memory_info().rss)
        await attack
    finally:
        attack.cancel()
        for writer in writers:
            writer.transport.abort()

    async def are_gone() -> bool:
        return bool(process.num_fds() <= files + 10)

    await eventually(are_gone)
    assert slowest < ANSWER_SECONDS
    assert most - before < WAITING * BYTES_PER_WAITING + SPARE_BYTES


async def test_the_oldest_silent_socket_is_closed_when_its_slot_is_needed(
    server: Server,
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(connected(server.url, init=False))
        for _ in range(WAITING):
            await stack.enter_async_context(connected(server.url, init=False))

        assert await close_code(first) == 4408
