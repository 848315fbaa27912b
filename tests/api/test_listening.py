"""The listening socket that all worker processes share."""

import asyncio
import socket

from app.serving.server import listening


async def test_accepted_connections_send_without_waiting_for_acknowledgements() -> None:
    accepted: asyncio.Queue[socket.socket] = asyncio.Queue()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.put_nowait(transport.get_extra_info("socket"))

    with listening("127.0.0.1", 0) as listener:
        server = await asyncio.get_running_loop().create_server(Protocol, sock=listener)
        async with server, asyncio.timeout(10):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            connection = await accepted.get()
            is_set = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()

    # asyncio sets it only if the listening socket names TCP as its protocol; uvloop always does.
    assert is_set
