"""Connections of peers that read nothing are aborted, over HTTP and WebSocket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import connect

from app.bootstrap import create_application
from app.config import Settings
from app.serving import stalled
from app.serving.http_protocol import HttpProtocol
from app.serving.websocket_protocol import WebSocketProtocol
from tests.api.feeds import until_recorded
from tests.api.world import new_id
from tests.harness.client import Client, headers_of
from tests.harness.http import http_client
from tests.harness.waiting import eventually

CHUNK = b"x" * 100_000
# Of the sockets on both sides, so that the sender is soon blocked.
SOCKET_BUFFER_BYTES = 4_096
LONG_ID = "x" * 128
SSE = "text/event-stream"
MULTIPART = "multipart/mixed;subscriptionSpec=1.0"


class Endless:
    """An application that sends until its peer disconnects."""

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
            pass  # a disconnected WebSocket
        finally:
            watching.cancel()
            self.is_over.set()


async def _until_disconnected(receive: Callable[..., Any]) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


@asynccontextmanager
async def _serving(application: Any) -> AsyncIterator[int]:
    """The port of a server with our protocols, in this process."""
    config = uvicorn.Config(
        application,
        http=partial(HttpProtocol, arrival_timeout_seconds=10),  # type: ignore[arg-type]  # any factory will do
        ws=WebSocketProtocol,
        lifespan="auto",
        log_config=None,
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def _never_read(port: int, accept: str, query: str, **variables: Any) -> AsyncIterator[None]:
    """A stream whose client reads the response headers, and then nothing more."""
    body = json.dumps({"query": query, "variables": variables})
    headers = {
        **headers_of(),
        "Host": f"127.0.0.1:{port}",
        "Accept": accept,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        peer.setblocking(False)  # noqa: FBT003 - the standard library's
        loop = asyncio.get_running_loop()
        await loop.sock_connect(peer, ("127.0.0.1", port))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await loop.sock_sendall(peer, f"POST /graphql HTTP/1.1\r\n{head}\r\n{body}".encode())
        assert (await loop.sock_recv(peer, 15)).startswith(b"HTTP/1.1 200")
        yield


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalled, "STALLED_SECONDS", 0.1)


@pytest.mark.parametrize("is_websocket", [False, True])
async def test_an_unread_answer_or_websocket_is_abandoned(*, is_websocket: bool) -> None:
    application = Endless()

    async with asyncio.timeout(20), _serving(application) as port:
        writer: asyncio.WriteTransport
        if is_websocket:
            writer = (await connect(f"ws://127.0.0.1:{port}/", compression=None)).transport
        else:
            reader, answer = await asyncio.open_connection("127.0.0.1", port)
            answer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            await reader.readline()
            writer = answer.transport
        await application.is_over.wait()
        writer.abort()


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_an_unread_stream_is_closed_and_counted(
    mongodb_uri: str, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalled, "STALLED_SECONDS", 2.0)  # long enough to observe
    settings = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": new_id("test")}
    registry = CollectorRegistry()
    application = create_application(
        Settings.read(settings | {"MAX_CONNECTIONS_PER_USER": "1"}), registry
    )
    ids = " ".join(f"a{number}: actorId" for number in range(25))
    query = f"subscription ($id: ID!) {{ teamChanges(teamId: $id, afterVersion: 0) {{ {ids} }} }}"

    async with (
        asyncio.timeout(60),
        _serving(application) as port,
        Client(f"http://127.0.0.1:{port}") as api,
        http_client(base_url=f"http://127.0.0.1:{port}", timeout=15) as http,
    ):
        team = await api.create_team(viewer=LONG_ID)
        for _ in range(60):
            await api.mutate("addUserToTeam", viewer=LONG_ID, teamId=team["id"], userId=new_id())
        await until_recorded(api, team["id"], 61)

        async def is_refused() -> bool:
            headers = {**headers_of(), "Accept": SSE}
            answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
            return "TOO_MANY_CONNECTIONS" in answer.text

        async with _never_read(port, accept, query, id=team["id"]):
            was_refused = await is_refused()

            async def is_admitted() -> bool:
                return not await is_refused()

            await eventually(is_admitted)

    assert was_refused
    assert registry.get_sample_value("team_joiner_stalled_connections_total") == 1
