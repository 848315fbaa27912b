"""Slow, endless and malformed HTTP requests are bounded, and other clients still answered."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic

import psutil
import pytest

from tests.api.world import own_server
from tests.harness.client import Client, headers_of
from tests.harness.http import http_client
from tests.harness.metrics import read_metrics
from tests.harness.servers import Server
from tests.harness.waiting import eventually

ARRIVAL_SECONDS = 1.0
# Extra time on a machine that runs other tests.
MARGIN_SECONDS = 3.0
DRIP_SECONDS = 0.05

HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"query": "{ __typename }"}'


server = own_server(ARRIVAL_TIMEOUT_SECONDS=str(ARRIVAL_SECONDS), METRICS_PORT="0")


async def send(peer: socket.socket, at_once: bytes, slow: bytes) -> None:
    """Sends, the second part a byte every `DRIP_SECONDS`, until the connection ends."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        await loop.sock_sendall(peer, at_once)
        for byte in slow:
            await loop.sock_sendall(peer, bytes([byte]))
            await asyncio.sleep(DRIP_SECONDS)


async def receive(peer: socket.socket) -> bytes:
    """All bytes until the connection ends.

    A server that closes a connection while its client sends resets it. What has arrived before can
    still be read, but not from asyncio's streams.
    """
    received = b""
    with suppress(ConnectionError):
        while chunk := await asyncio.get_running_loop().sock_recv(peer, 65_536):
            received += chunk
    return received


async def ended(server: Server, slow: bytes, *, at_once: bytes = b"") -> tuple[bytes, float]:
    """All bytes that a slow client receives until its connection ends, and the seconds it took."""
    began = monotonic()
    with socket.socket() as peer:
        peer.setblocking(False)  # noqa: FBT003 - the standard library's
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", server.port))
        sending = asyncio.create_task(send(peer, at_once, slow))
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS + MARGIN_SECONDS):
                answer = await receive(peer)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return answer, monotonic() - began


async def test_a_slow_body_is_answered_408(server: Server) -> None:
    head = HEAD + b"Content-Length: 100000\r\n\r\n"

    answer, seconds = await ended(server, b" " * 1_000, at_once=head)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"REQUEST_TIMEOUT"' in answer
    assert b"connection: close" in answer.lower()
    assert ARRIVAL_SECONDS <= seconds < ARRIVAL_SECONDS + MARGIN_SECONDS


async def test_incomplete_requests_are_counted_and_have_a_request_id(server: Server) -> None:
    before = await read_metrics(server)

    slow, _ = await ended(server, b"", at_once=HEAD + b"X-Request-Id: mine\r\nX-Next: x\r\n")
    slow_without_one, _ = await ended(server, b"")
    broken, _ = await ended(server, b"", at_once=b"nonsense\r\n\r\n")

    after = await read_metrics(server)
    assert b"\r\nx-request-id: mine\r\n" in slow
    assert b"\r\nx-request-id: " in slow_without_one
    assert broken.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nx-request-id: " in broken
    assert b'"code":"BAD_REQUEST"' in broken
    for code, count in (("REQUEST_TIMEOUT", 2), ("BAD_REQUEST", 1)):
        found = after.value("operations_total", kind="unknown", outcome=code)
        assert found - before.value("operations_total", outcome=code) == count, code


@pytest.mark.parametrize("slow", [HEAD * 10, b"GET /" + b"a" * 1_000, b"", b"\r\n" * 1_000])
async def test_slow_or_missing_headers_are_answered_408(server: Server, slow: bytes) -> None:
    answer, seconds = await ended(server, slow)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert ARRIVAL_SECONDS <= seconds < ARRIVAL_SECONDS + MARGIN_SECONDS


async def test_a_second_request_on_a_connection_has_the_same_timeout(server: Server) -> None:
    first = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY

    answer, _ = await ended(server, HEAD * 10, at_once=first)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_line_ends_between_requests_do_not_keep_a_connection_open(server: Server) -> None:
    first = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY

    answer, _ = await ended(server, b"\r\n" * 1_000, at_once=first)

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_rejected_endless_body_is_cut_off(server: Server) -> None:
    head = HEAD + b"Content-Length: 100000000\r\n\r\n"

    answer, seconds = await ended(server, b" " * 1_000, at_once=head)

    assert b"HTTP/1.1 413 " in answer or answer == b""
    assert seconds < ARRIVAL_SECONDS + MARGIN_SECONDS


async def test_endless_headers_are_rejected(server: Server) -> None:
    head = b"GET /graphql HTTP/1.1\r\nHost: localhost\r\n" + b"X-Filler: 12345678\r\n" * 10_000

    answer, _ = await ended(server, b"", at_once=head)

    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""


@pytest.mark.parametrize(
    "request_line", [b"GET /healthz", b"GET /graphql?query=%7B__typename%7D", b"POST /graphql"]
)
@pytest.mark.parametrize("more", [b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"])
async def test_two_host_headers_are_answered_400(
    server: Server, request_line: bytes, more: bytes
) -> None:
    head = request_line + b" HTTP/1.1\r\nHost: localhost\r\n" + more

    answer, _ = await ended(server, b"", at_once=head + b"hOST: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"BAD_REQUEST" in answer


async def test_pipelined_requests_are_bounded(server: Server) -> None:
    process = psutil.Process(server.pid)
    request = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: localhost\r\n\r\n"

    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    few, _ = await ended(server, b"", at_once=request * 9 + last)
    before = process.memory_info().rss
    for _ in range(10):
        many, _ = await ended(server, b"", at_once=request * 50_000)

    assert few.count(b"HTTP/1.1 200 ") == 10
    assert many.count(b"HTTP/1.1 200 ") < 50
    assert process.memory_info().rss - before < 50_000_000


async def test_a_malformed_pipelined_request_does_not_answer_the_one_before(server: Server) -> None:
    body = b'{"query": "mutation { createTeam(input: {name: \\"A\\"}) { __typename } }"}'
    head = HEAD + b"X-User-Id: root\r\nX-User-Role: admin\r\nContent-Length: %d\r\n\r\n" % len(body)

    answer, _ = await ended(server, b"", at_once=head + body + b"nonsense\r\n\r\n")

    assert not answer.startswith(b"HTTP/1.1 400 ")


async def test_trailers_are_no_headers(server: Server) -> None:
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b'{"query": "{ viewer { id } }"}'
    chunks = b"%x\r\n%s\r\n0\r\nX-User-Id: sue\r\n\r\n" % (len(body), body)

    answer, _ = await ended(server, b"", at_once=head + chunks)

    assert answer.endswith(b'{"data":{"viewer":null}}')


@pytest.mark.parametrize(
    "odd",
    [
        b"X-Filler: " + b"a" * 9_000 + b"\r\n",
        b"X-Filler: a\r\n" * 200,
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ],
    ids=["long header", "many headers", "length", "chunked"],
)
async def test_a_malformed_websocket_handshake_is_rejected(server: Server, odd: bytes) -> None:
    head = (
        b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )

    answer, _ = await ended(server, b"", at_once=head + odd + b"\r\n")

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


async def test_an_endless_body_beside_an_event_stream_is_cut_off(server: Server) -> None:
    query = b"GET /graphql?query=subscription%7BallTeamChanges%7Bversion%7D%7D HTTP/1.1\r\n"
    head = b"Host: localhost\r\nX-User-Id: sue\r\nAccept: text/event-stream\r\n"
    endless = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    answer, _ = await ended(
        server, b"", at_once=query + head + b"Transfer-Encoding: chunked\r\n\r\n" + endless * 40
    )

    assert answer.startswith(b"HTTP/1.1 200 ") or answer == b""
    assert b"ERROR" not in server.log


async def test_a_disconnect_in_the_middle_of_a_body_is_not_logged(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")

    async with Client(server.url) as client:
        assert await client.execute("{ __typename }") == {"__typename": "Query"}
    assert b"Traceback" not in server.log


async def test_many_slow_clients_block_no_other(server: Server) -> None:
    head = HEAD + b"Content-Length: 100000\r\n\r\n"

    async with Client(server.url, timeout_seconds=MARGIN_SECONDS) as client:
        attack = [
            asyncio.create_task(ended(server, b" " * 1_000, at_once=head)) for _ in range(200)
        ]
        answered = 0
        while not all(task.done() for task in attack):
            await client.execute("{ __typename }")
            answered += 1
        answers = [task.result()[0] for task in attack]

    assert answered > 0
    # For some, the reset caused by the rest of their body discards the answer.
    assert {answer[:13] for answer in answers} <= {b"HTTP/1.1 408 ", b""}


async def test_bodies_of_10_mb_are_rejected_and_take_no_memory(servers: list[Server]) -> None:
    server = servers[0]
    process = psutil.Process(server.pid)
    before = process.memory_info().rss

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b" " * 10_000

    async def attack(*, announced: bool) -> int:
        content = b" " * 10_000_000 if announced else chunks()
        headers = {"Content-Type": "application/json"}
        async with http_client(base_url=server.url, timeout=15, headers=headers_of()) as http:
            response = await http.post("/graphql", content=content, headers=headers)
            assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
            return response.status_code

    statuses = await asyncio.gather(*(attack(announced=n % 2 == 0) for n in range(20)))

    assert set(statuses) == {413}
    assert process.memory_info().rss - before < 50_000_000


async def test_aborted_connections_are_released(server: Server) -> None:
    process = psutil.Process(server.pid)
    before = process.num_fds()

    await asyncio.gather(*(ended(server, b"") for _ in range(200)))

    async def are_gone() -> bool:
        return bool(process.num_fds() <= before + 5)

    await eventually(are_gone)
