"""A WebSocket that sends as fast as it can: others get their turns, and it is closed."""

import asyncio
import gc
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from time import monotonic, thread_time

import pytest
import uvicorn

from app.bootstrap import create_application
from app.config import Settings
from app.serving.websocket_protocol import WebSocketProtocol
from tests.api.world import new_id
from tests.harness.client import headers_of

TURN_SECONDS = 0.05
FLOOD_BYTES = 1_000_000
FLOOD_SECONDS = 15
TEXT, BINARY, PING, PONG = 0x81, 0x82, 0x89, 0x8A


def frame(opcode: int, data: bytes = b"") -> bytes:
    """A masked frame, whose mask changes nothing."""
    length = len(data)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack("!H", length)
    return bytes([opcode]) + size + b"\0\0\0\0" + data


def message(**parts: object) -> bytes:
    return frame(TEXT, json.dumps(parts).encode())


def subscribe(operation_id: str, query: str) -> bytes:
    return message(id=operation_id, type="subscribe", payload={"query": query})


INIT = message(type="connection_init")
KINDS = {
    "ping": message(type="ping"),
    "ping with a payload": message(type="ping", payload={"a": [1] * 50}),
    "pong": message(type="pong"),
    "complete": message(type="complete", id="x"),
    "ping frames": frame(PING),
    "pong frames": frame(PONG, b"x" * 50),
    "fragments": frame(0x01, b'{"type":') + frame(0x00) * 30 + frame(0x80, b'"ping"}'),
    "endless fragments": frame(0x01) + frame(0x00) * 200_000,
    "pings between fragments": frame(0x01) + frame(PING) * 200_000,
}
AFTER_HELLO = {
    "unknown documents": message(
        id="1", type="subscribe", payload={"extensions": {"persistedQuery": {"version": 1}}}
    ),
    "syntax": subscribe("1", "{ a"),
    "what does not fit": subscribe("1", "{ a b c d }"),
    "operations begun and ended": subscribe("1", "subscription { userTeam(userId: 1) { id } }")
    + message(type="complete", id="1"),
}
CLOSED_AT_ONCE = {
    "no JSON": frame(TEXT, b"{"),
    "empty text": frame(TEXT),
    "bytes": frame(BINARY, b"{}"),
    "unknown type": message(type="x"),
    "a list": frame(TEXT, b"[]"),
    "connection_init again": INIT,
}


@pytest.fixture(scope="module")
async def port(mongodb_uri: str) -> AsyncIterator[int]:
    """A server in this process, whose turns can be measured."""
    settings = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": new_id("test")}
    application = create_application(Settings.read(settings))
    ws = partial(WebSocketProtocol, max_frames_per_second=100)
    config = uvicorn.Config(application, ws=ws, log_config=None)  # type: ignore[arg-type]  # any factory will do
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await running


async def _longest_turn(until: asyncio.Task[int]) -> float:
    """The processor time of the longest turn of the event loop while a task runs."""
    longest, since = 0.0, thread_time()
    while not until.done():
        await asyncio.sleep(0)
        now = thread_time()
        longest, since = max(longest, now - since), now
    return longest


def _flood(port: int, sent_before: bytes, flood: bytes) -> int:
    """Sends without end, and returns the code that the server closes with."""
    with socket.create_connection(("127.0.0.1", port), timeout=FLOOD_SECONDS) as peer:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers_of().items())
        peer.sendall(
            b"GET /graphql HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n" + head.encode() + b"\r\n"
        )
        received = b""
        while b"\r\n\r\n" not in received:
            received += peer.recv(1_000)
        peer.sendall(sent_before)
        chunk = flood * (FLOOD_BYTES // len(flood) + 1)
        peer.setblocking(False)  # noqa: FBT003 - the standard library's
        unsent, deadline = chunk, monotonic() + FLOOD_SECONDS
        while b"\x88" not in received and monotonic() < deadline:
            with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                unsent = unsent[peer.send(unsent) :] or chunk
            data = b""
            with suppress(BlockingIOError):
                try:
                    data = peer.recv(100_000)
                except ConnectionResetError:
                    break
            received += data
        closing = received.rindex(b"\x88")
        return int.from_bytes(received[closing + 2 : closing + 4], "big")


async def flooded(port: int, *given: bytes) -> tuple[int, float]:
    """The close code and the longest turn meanwhile.

    The garbage of a process that runs all tests is much more than a server's, so none is collected.
    """
    gc.disable()
    try:
        flooding = asyncio.create_task(asyncio.to_thread(_flood, port, *given))
        longest = await _longest_turn(flooding)
        return await flooding, longest
    finally:
        gc.enable()


FLOODS = [
    *((sent_before, flood, {1008}) for flood in KINDS.values() for sent_before in (b"", INIT)),
    *((INIT, flood, {1008, 4400}) for flood in AFTER_HELLO.values()),
    *((INIT, flood, {1008, 4400, 4429}) for flood in CLOSED_AT_ONCE.values()),
]
NAMES = [
    *(f"{kind} {when} hello" for kind in KINDS for when in ("before", "after")),
    *AFTER_HELLO,
    *CLOSED_AT_ONCE,
]


@pytest.mark.parametrize(("sent_before", "flood", "codes"), FLOODS, ids=NAMES)
async def test_a_flood_lets_others_have_their_turn_and_is_closed(
    port: int, sent_before: bytes, flood: bytes, codes: set[int]
) -> None:
    code, longest = await flooded(port, sent_before, flood)

    assert code in codes
    assert longest < TURN_SECONDS
