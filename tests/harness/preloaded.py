"""Servers forked from a process that has imported the service: the imports are most of a start.

Each is a process of its own with its own environment, started, killed and waited for like one that
`team-joiner serve` starts. Between the two is one process more, which tells how the server ended.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Self

MAX_ENVIRONMENT_BYTES = 200_000
IS_POSSIBLE = sys.platform == "linux"


class PreloadedProcess:
    """What tests need of `asyncio.subprocess.Process`, for a forked server."""

    def __init__(self, pid: int, stderr: asyncio.StreamReader, end: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._wait_for_end(end))

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> Self:
        """Starts `team-joiner serve` with this environment."""
        (stderr, write_stderr), (progress, write_progress) = os.pipe(), os.pipe()
        message = json.dumps(dict(environment)).encode()
        try:
            socket.send_fds(_parent(), [message], [write_stderr, write_progress])
        finally:
            os.close(write_stderr)
            os.close(write_progress)
        log, told = await _reader_of(stderr), await _reader_of(progress)
        return cls(int(await told.readline()), log, told)

    async def _wait_for_end(self, end: asyncio.StreamReader) -> int:
        self.returncode = int(await end.read())
        return self.returncode

    async def wait(self) -> int:
        """The exit status; that of a killed process is negative."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


async def _reader_of(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


@cache
def _parent() -> socket.socket:
    """Where servers are asked for. The process there ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.harness.preloaded", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        ).returncode = 0  # it ends last, and nobody waits for it
    return ours


def _fork_servers(requests: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MAX_ENVIRONMENT_BYTES, 2)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            _run_server(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _run_server(environment: dict[str, str], stderr: int, progress: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(progress)
        os.dup2(stderr, 2)
        os.close(stderr)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        main(["serve"])
    os.close(stderr)
    os.write(progress, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):
        os.write(progress, b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    import app.server  # noqa: F401 - the server imports it when it runs
    from app.main import main

    _fork_servers(socket.socket(fileno=int(sys.argv[1])))
