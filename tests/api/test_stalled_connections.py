"""A peer that is there and takes nothing is cut off, over HTTP and over WebSocket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from app.api import connections_end
from app.api.connections_end import HttpProtocol, WebSocketProtocol

CHUNK = b"x" * 100_000


class Endless:
    """An application that sends for as long as its peer is there."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Any) -> None:
        is_http = scope["type"] == "http"
        if is_http:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            chunk = {"type": "http.response.body", "body": CHUNK, "more_body": True}
        else:
            await receive()
            await send({"type": "websocket.accept"})
            chunk = {"type": "websocket.send", "bytes": CHUNK}
        watching = asyncio.create_task(_until_disconnected(receive))
        try:
            while not watching.done():
                await send(chunk)
                await asyncio.sleep(0)
        except OSError:
            pass  # how a WebSocket tells it
        finally:
            watching.cancel()
            self.is_over.set()


async def _until_disconnected(receive: Callable[..., Any]) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


@asynccontextmanager
async def _serving(application: Endless) -> AsyncIterator[int]:
    """The port of a server with our protocols, in this process."""
    config = uvicorn.Config(
        application, http=HttpProtocol, ws=WebSocketProtocol, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_end, "STALLED_SECONDS", 0.1)


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    application = Endless()

    async with asyncio.timeout(20), _serving(application) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await reader.readline()
        await application.is_over.wait()
        writer.close()


async def test_a_websocket_that_nobody_reads_is_given_up() -> None:
    application = Endless()

    async with asyncio.timeout(20), _serving(application) as port:
        reader = await connect(f"ws://127.0.0.1:{port}/", compression=None)
        await application.is_over.wait()
        reader.transport.abort()
