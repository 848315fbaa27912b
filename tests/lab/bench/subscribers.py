"""A process of many subscribers, for `feeds.py`: records when each change reached each.

The connections are the protocol of the `websockets` package without its tasks and queues, since on
a small machine every microsecond that the clients take is taken from the server they measure.
"""

import asyncio
import time
from array import array
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import cast

import orjson
import uvloop
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

CONNECTING_AT_ONCE = 50

# By version of the team: when it reached each subscriber, in seconds of the epoch.
Receipts = dict[int, "array[float]"]


def run_subscribers(pipe: Pipe, port: int, subscription: dict[str, object], count: int) -> None:
    """The work of the process: subscribes `count` times, then reports through the pipe.

    Each version that comes over the pipe is answered, once it has reached every subscriber, by the
    receipts of all changes since the last answer. None ends the process.
    """
    uvloop.run(_run(pipe, port, subscription, count))


async def _run(pipe: Pipe, port: int, subscription: dict[str, object], count: int) -> None:
    loop, receipts = asyncio.get_running_loop(), _Receipts(count)
    turns = asyncio.Semaphore(CONNECTING_AT_ONCE)
    message = {"id": "1", "type": "subscribe", "payload": subscription}

    async def subscribe() -> None:
        async with turns:
            make = partial(Subscriber, port, orjson.dumps(message), receipts.note)
            _, subscriber = await loop.create_connection(make, "127.0.0.1", port)
            await subscriber.subscribed

    await asyncio.gather(*(subscribe() for _ in range(count)))
    while (version := await asyncio.to_thread(pipe.recv)) is not None:
        pipe.send(await receipts.up_to(version))


class _Receipts:
    """The deliveries since the last report."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._found: Receipts = {}
        self._awaited = 0
        self._complete = asyncio.Event()

    def note(self, version: int) -> None:
        """A subscriber has received the change that made this version."""
        found = self._found.setdefault(version, array("d"))
        found.append(time.time())
        if version == self._awaited and len(found) == self._count:
            self._complete.set()

    async def up_to(self, version: int) -> Receipts:
        """The receipts up to this version, once every subscriber has it."""
        self._awaited = version
        if len(self._found.get(version, ())) < self._count:
            self._complete.clear()
            await self._complete.wait()
        found, self._found = self._found, {}
        return found


class Subscriber(asyncio.Protocol):
    """A subscriber to one team's changes. It offers compression, as browsers do."""

    def __init__(self, port: int, subscribe: bytes, note: Callable[[int], None]) -> None:
        self._protocol = ClientProtocol(
            parse_uri(f"ws://127.0.0.1:{port}/graphql"),
            extensions=[ClientPerMessageDeflateFactory()],
            subprotocols=[Subprotocol("graphql-transport-ws")],
        )
        self._subscribe = subscribe
        self._note = note
        self._version = 0
        self._transport: asyncio.Transport | None = None
        self.subscribed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are this by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._send()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._protocol.send_text(
                    b'{"type":"connection_init","payload":{"X-User-Id":"root"}}'
                )
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data))
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """Ends the process: without this subscriber the measurement is invalid."""
        raise SystemExit(f"A subscriber was disconnected: {error or self._protocol.close_exc}")

    def _take(self, data: bytes | bytearray | memoryview) -> None:
        message = orjson.loads(data)
        match message["type"]:
            case "connection_ack":
                self._protocol.send_text(self._subscribe)
                self.subscribed.set_result(None)
            case "next":
                version = message["payload"]["data"]["teamChanges"]["version"]
                if self._version and version != self._version + 1:
                    raise SystemExit(f"After version {self._version} came {version}.")
                self._version = version
                self._note(version)
            case _:
                raise SystemExit(f"The server refused: {message}")

    def _send(self) -> None:
        assert self._transport is not None
        for part in self._protocol.data_to_send():
            if part:
                self._transport.write(part)
