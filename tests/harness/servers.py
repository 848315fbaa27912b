"""Real server processes, each started, killed and ended by the test that asks for it."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.harness import preloaded
from tests.harness.preloaded import PreloadedProcess

START_SECONDS = 30
STOP_SECONDS = 20

_SERVING = re.compile(rb"Serving on http://127\.0\.0\.1:(\d+)/graphql")
_STARTED = b"Application startup complete"


class Server:
    """One `team-joiner serve` process on a port of its own choice.

    `module` is run instead of the service's own; `folder` is where code is looked for first.
    """

    def __init__(
        self,
        mongodb_uri: str,
        database: str,
        *,
        module: str = "app.main",
        folder: str = ".",
        **environment: str,
    ) -> None:
        self._module = module
        self._folder = folder
        # Python reads its path as it starts.
        self._is_preloaded = (
            preloaded.IS_POSSIBLE
            and Path(folder).resolve() == Path.cwd()
            and "PYTHONPATH" not in environment
        )
        self._environment = {
            **os.environ,
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": database,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "MAX_OPERATIONS_PER_SECOND_PER_USER": "0",
            **environment,
        }
        self._process: Process | PreloadedProcess | None = None
        self._drain: asyncio.Task[None] | None = None
        self.log = bytearray()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when the server serves; a restarted one keeps its port."""
        if self.port:
            self._environment["PORT"] = str(self.port)
        self.log.clear()
        self._process = await self._start_process()
        started = asyncio.Event()
        self._drain = asyncio.create_task(self._read_log(started))
        async with asyncio.timeout(START_SECONDS):
            await started.wait()
        serving = _SERVING.search(self.log)
        if serving is None:
            await self.stop()
            raise RuntimeError(f"The server did not start:\n{self.log.decode()}")
        self.port = int(serving[1])

    async def _start_process(self) -> Process | PreloadedProcess:
        if self._is_preloaded:
            return await PreloadedProcess.start(self._module, ["serve"], self._environment)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module, "serve"),
            cwd=self._folder,
            env=self._environment,
            stderr=PIPE,
        )

    async def _read_log(self, started: asyncio.Event) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        try:
            async for line in self._process.stderr:
                self.log += line
                if _STARTED in line:
                    started.set()
        finally:
            started.set()

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def wait(self) -> int:
        """The exit status of a server that ends by itself."""
        assert self._process is not None
        return await self._process.wait()

    async def _end(self, how: signal.Signals) -> int:
        if self._process is None or self._drain is None:
            return 0
        process, drain = self._process, self._drain
        self._process = self._drain = None
        if process.returncode is None:
            process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        finally:
            await drain
        return status


@asynccontextmanager
async def running_servers(
    count: int, mongodb_uri: str, database: str, **environment: str
) -> AsyncIterator[list[Server]]:
    """So many servers on one database, ended in any case."""
    async with AsyncExitStack() as stack:
        servers = [Server(mongodb_uri, database, **environment) for _ in range(count)]
        for server in servers:
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
