"""Commands forked from a process that has imported the service: most of a start is its imports.

Each is a process of its own with its own environment, started, killed and waited for like one that
a shell starts. Between the two is one process more, which tells how the command ended.
"""

import asyncio
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Self

MAX_MESSAGE_BYTES = 200_000
IS_POSSIBLE = sys.platform == "linux"


class PreloadedProcess:
    """The part of `asyncio.subprocess.Process` that the tests use, for a forked process."""

    def __init__(
        self,
        pid: int,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader,
        end: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._stdout = stdout
        self._end = asyncio.create_task(self._wait_for_end(end))

    @classmethod
    async def start(
        cls,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        reads_stdout: bool = False,
    ) -> Self:
        """Starts `python -m module` with these arguments and this environment."""
        pipes = [os.pipe() for _ in range(3 if reads_stdout else 2)]
        message = json.dumps([module, *arguments, dict(environment)]).encode()
        try:
            socket.send_fds(_parent(), [message], [write for _, write in pipes])
        finally:
            for _, write in pipes:
                os.close(write)
        progress, stderr, *more = [await _reader_of(read) for read, _ in pipes]
        return cls(int(await progress.readline()), more[0] if more else None, stderr, progress)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Its standard output and standard error, read until it exits."""
        assert self._stdout is not None
        output, errors = await asyncio.gather(self._stdout.read(), self.stderr.read())
        await self.wait()
        return output, errors

    async def _wait_for_end(self, end: asyncio.StreamReader) -> int:
        self.returncode = int(await end.read())
        return self.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def _reader_of(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


@cache
def _parent() -> socket.socket:
    """The connection to the preloaded process, which ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.harness.preloaded", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        ).returncode = 0  # it ends last, and nobody waits for it
    return ours


def _fork_commands(requests: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE_BYTES, 3)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            _run_command(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _run_command(message: list[Any], progress: int, stderr: int, stdout: int | None = None) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(progress)
        os.dup2(stderr, 2)
        os.close(stderr)
        if stdout is not None:
            os.dup2(stdout, 1)
            os.close(stdout)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        module, *arguments, environment = message
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.exit()
    os.close(stderr)
    if stdout is not None:
        os.close(stdout)
    os.write(progress, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):
        os.write(progress, b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    import app.doctor.cli.command
    import app.serve  # noqa: F401 - what the commands import when they run

    gc.freeze()  # so that no command looks for garbage in what they share
    _fork_commands(socket.socket(fileno=int(sys.argv[1])))
