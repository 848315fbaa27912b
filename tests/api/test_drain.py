"""Graceful shutdown, as a load balancer and clients see it."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Protocol

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.api.request_id import begin_request, given_request_id
from app.serving.drain import SAME_SIGNAL_SECONDS, Drain
from tests.api.world import new_id
from tests.harness.client import Client
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive, subscribe
from tests.harness.waiting import eventually

DRAIN_SECONDS = 3
LONG_SECONDS = 120
# In progress until its body arrives.
UNFINISHED = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
)
ALL_CHANGES = "subscription { allTeamChanges { teamId version } }"


async def readiness(url: str) -> httpx.Response:
    """On a connection of its own, as a load balancer asks."""
    async with http_client(base_url=url, timeout=10) as http:
        return await http.get("/readyz")


async def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        await receive(socket)


async def is_unready(url: str) -> bool:
    return (await readiness(url)).status_code == 503


@pytest.fixture(params=[1, 2], ids=["alone", "workers"])
def workers(request: pytest.FixtureRequest) -> int:
    return int(request.param)


class StartServer(Protocol):
    """Starts a server, which is killed after the test if it still runs."""

    async def __call__(self, *, drain_seconds: float) -> Server: ...


@pytest.fixture
async def start_server(mongodb_uri: str, workers: int) -> AsyncIterator[StartServer]:
    async with AsyncExitStack() as stack:

        async def start(*, drain_seconds: float) -> Server:
            settings = {"WORKERS": str(workers), "DRAIN_SECONDS": str(drain_seconds)}
            server = Server(mongodb_uri, new_id("test"), **settings)
            stack.push_async_callback(server.kill)
            await server.start()
            await logged(server, b"Application startup complete", workers)
            return server

        yield start


async def logged(server: Server, message: bytes, times: int) -> None:
    """Returns when a message has been logged so many times."""

    async def is_logged() -> bool:
        return server.log.count(message) == times

    await eventually(is_logged)


async def test_a_draining_server_is_not_ready_and_serves_until_it_exits(
    start_server: StartServer,
) -> None:
    server = await start_server(drain_seconds=DRAIN_SECONDS)
    before = await readiness(server.url)

    began_at = time.monotonic()
    psutil.Process(server.pid).send_signal(signal.SIGTERM)
    await eventually(lambda: is_unready(server.url))
    draining = await readiness(server.url)
    async with Client(server.url) as late, connected(server.url) as socket:
        team = await late.create_team("Late")
        await subscribe(socket, ALL_CHANGES)
        with pytest.raises(ConnectionClosed) as closed:
            await read_to_the_end(socket)
    status = await server.wait()
    took_seconds = time.monotonic() - began_at

    assert before.status_code == 200
    assert "shutting down" in draining.json()["reason"]
    assert team["version"] == 1
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 0
    assert DRAIN_SECONDS <= took_seconds < DRAIN_SECONDS + 10
    with pytest.raises(httpx.ConnectError):
        await readiness(server.url)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_drain_at_once(
    start_server: StartServer, second: signal.Signals
) -> None:
    server = await start_server(drain_seconds=LONG_SECONDS)
    process = psutil.Process(server.pid)

    process.send_signal(signal.SIGTERM)
    await eventually(lambda: is_unready(server.url))
    await asyncio.sleep(SAME_SIGNAL_SECONDS + 0.2)  # closer together they count once
    process.send_signal(second)
    async with asyncio.timeout(15):
        status = await server.wait()

    assert status == 0


@pytest.mark.parametrize("to_all", [False, True], ids=["to the parent", "as a terminal does"])
async def test_sigint_does_not_drain(start_server: StartServer, *, to_all: bool) -> None:
    server = await start_server(drain_seconds=LONG_SECONDS)
    parent = psutil.Process(server.pid)

    for process in [*(parent.children() if to_all else ()), parent]:
        process.send_signal(signal.SIGINT)
    async with asyncio.timeout(15):
        status = await server.wait()

    assert status == 0
    assert b"Traceback" not in server.log


async def test_a_forced_exit_answers_or_cuts_requests_in_progress(
    start_server: StartServer, workers: int
) -> None:
    server = await start_server(drain_seconds=0)
    process = psutil.Process(server.pid)

    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(UNFINISHED)
    async with asyncio.timeout(15):
        assert (await reader.readline()).startswith(b"HTTP/1.1 100 ")  # it is under way
        process.send_signal(signal.SIGTERM)
        await logged(server, b"Shutting down", workers)
        await asyncio.sleep(SAME_SIGNAL_SECONDS + 0.2)
        process.send_signal(signal.SIGTERM)
        answer = await reader.read()
        status = await server.wait()
    writer.close()

    if workers == 1:
        assert b"HTTP/1.1 503 " in answer
        assert b'"code":"SERVER_ENDED"' in answer
    else:
        assert answer == b"\r\n"  # the end of the interim response: a second signal kills a worker
    assert status == 0
    assert b"Traceback" not in server.log


async def test_signals_close_together_count_once(start_server: StartServer) -> None:
    server = await start_server(drain_seconds=DRAIN_SECONDS)

    began_at = time.monotonic()
    # systemd signals the whole group, and the parent process forwards the signal.
    for process in [psutil.Process(server.pid), *psutil.Process(server.pid).children()]:
        process.send_signal(signal.SIGTERM)
    status = await server.wait()

    assert status == 0
    assert time.monotonic() - began_at >= DRAIN_SECONDS


class IdsOfLines(logging.Handler):
    """Notes under which request's id each line is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.ids: list[str | None] = []

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - the signature of logging
        self.ids.append(given_request_id())


async def test_a_drain_is_logged_without_the_id_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines, logger = IdsOfLines(), logging.getLogger("app.serving.drain")
    monkeypatch.setattr(logger, "handlers", [lines])
    monkeypatch.setattr(logger, "level", logging.INFO)

    async def interrupted() -> None:
        begin_request([])
        signal.raise_signal(signal.SIGTERM)

    async def is_logged() -> bool:
        return bool(lines.ids)

    with Drain(LONG_SECONDS).intercept_signals():
        await asyncio.create_task(interrupted())
        await eventually(is_logged)

    assert lines.ids == [None]


async def send_while_ready(server: Server, *, keep_alive: bool, outcomes: list[str]) -> None:
    """Sends one request after another, as long as a load balancer would."""
    limits = httpx.Limits(max_keepalive_connections=1 if keep_alive else 0)
    async with http_client(base_url=server.url, timeout=15, limits=limits) as http:
        while (await http.get("/readyz")).status_code == 200:
            try:
                answer = await http.post("/graphql", json={"query": "{ __typename }"})
                outcomes.append(str(answer.status_code))
            except httpx.TransportError as lost:
                outcomes.append(repr(lost))


async def test_no_request_behind_a_load_balancer_is_lost(start_server: StartServer) -> None:
    server = await start_server(drain_seconds=DRAIN_SECONDS)
    outcomes: list[str] = []

    async with asyncio.timeout(30):
        sending = [
            asyncio.create_task(
                send_while_ready(server, keep_alive=number % 2 == 0, outcomes=outcomes)
            )
            for number in range(16)
        ]
        await eventually(lambda: is_answering(outcomes))
        psutil.Process(server.pid).send_signal(signal.SIGTERM)
        await asyncio.gather(*sending)
        status = await server.wait()

    assert set(outcomes) == {"200"}
    assert status == 0


async def is_answering(outcomes: list[str]) -> bool:
    return len(outcomes) > 50


async def test_a_request_on_an_idle_connection_at_shutdown_is_answered(
    start_server: StartServer, workers: int
) -> None:
    server = await start_server(drain_seconds=0)
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async with asyncio.timeout(15):
        writer.write(request)
        before = await reader.readuntil(b"\r\n\r\n")
        psutil.Process(server.pid).send_signal(signal.SIGTERM)
        await logged(server, b"Shutting down", workers)
        writer.write(request)
        after = await reader.read()
        status = await server.wait()
    writer.close()

    assert b"connection: close" not in before.lower()
    assert b"HTTP/1.1 200 OK" in after
    assert b"connection: close" in after.lower()
    assert status == 0
