"""Load from several workers at once, timed call by call.

The HTTP client here does the least that keeps a connection busy, since on a small machine every
microsecond that the client takes is taken from the server it measures.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import cast

Call = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Timing:
    """The timing of a run: its length, and each call's latency, in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """A percentile of the latencies, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def run_load(calls: list[Call], first: int, count: int) -> Timing:
    """Makes `count` calls, numbered from `first`, each of `calls` being a worker of its own."""
    numbers = iter(range(first, first + count))
    latencies: list[float] = []

    async def work(call: Call) -> None:
        for number in numbers:
            began = perf_counter()
            await call(number)
            latencies.append(perf_counter() - began)

    began = perf_counter()
    await asyncio.gather(*(work(call) for call in calls))
    return Timing(perf_counter() - began, latencies)


ADMIN = b"X-User-Id: root\r\nX-User-Role: admin\r\n"
"""The viewer, by the headers of development mode."""


class Connection(asyncio.Protocol):
    """One kept-alive HTTP connection that posts JSON, one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are this by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Completes the answer once its announced length has arrived."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        head = bytes(self._received[:head_end]).lower()
        start = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) >= head_end + 4 + length:
            body = bytes(self._received[head_end + 4 :])
            self._received.clear()
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("The server closed."))

    async def post(self, path: str, body: bytes, *, headers: bytes = ADMIN) -> bytes:
        """The body of the answer; each of the further headers ends with a line break."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"%bContent-Length: %d\r\n\r\n%b" % (path.encode(), headers, len(body), body)
        )
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections. A server closes those on which nothing has come for some seconds."""
    connections = [await Connection.open("127.0.0.1", port) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
