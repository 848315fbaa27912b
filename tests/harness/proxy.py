"""A TCP proxy in front of a server, whose connections can be held up, or left half-open."""

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 65_536


class Proxy:
    """Passes all data on until `cut_off` or `hold` is called."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: list[StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._outward, self._homeward = asyncio.Event(), asyncio.Event()
        self.let_pass()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The server's URL through the proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """The number of connections made through it so far."""
        return len(self._writers) // 2

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut_off()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    def cut_off(self) -> None:
        """Stop reading and passing data, without closing the connections.

        Connections that are made afterwards work.
        """
        for task in self._tasks:
            task.cancel()

    def hold(self, *, outward: bool) -> None:
        """Hold the server's data back; with `outward`, the client's too.

        This holds for new connections too, which can be made. As with a cable that is pulled and
        plugged in again, nothing is lost for good: what was sent meanwhile arrives at `let_pass`.
        """
        self._homeward.clear()
        if outward:
            self._outward.clear()

    def let_pass(self) -> None:
        """Passes everything on again, what has been held up first."""
        self._outward.set()
        self._homeward.set()

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers += [writer, there_writer]
        for source, target, gate in (
            (reader, there_writer, self._outward),
            (there_reader, writer, self._homeward),
        ):
            task = asyncio.create_task(_pass_on(source, target, gate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pass_on(source: StreamReader, target: StreamWriter, gate: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while data := await source.read(CHUNK_BYTES):
            await gate.wait()
            target.write(data)
            await target.drain()
    await gate.wait()
    target.close()
