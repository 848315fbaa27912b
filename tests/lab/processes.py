"""Server processes: started together, found by their ports, and ended together in any case."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from app.embedded.database import embedded_database

START_SECONDS = 60
STOP_SECONDS = 15
NPM_SECONDS = 180

_SERVING = re.compile(r"Serving on http://127\.0\.0\.1:(\d+)")
_LAST_WORDS = 2_000


class RunFailed(Exception):
    """A program failed to start or to finish; the message is for the person who ran it."""


class Api(NamedTuple):
    """A server: its port on loopback, and its process (with several workers, their parent)."""

    port: int
    process_id: int


@contextmanager
def deployment(mongodb_uri: str | None) -> Iterator[str]:
    """The URI of the given deployment, or of one that runs as long as the context."""
    if mongodb_uri is not None:
        yield mongodb_uri
        return
    with tempfile.TemporaryDirectory() as folder, embedded_database(Path(folder)) as uri:
        yield uri


@contextmanager
def api(
    uri: str, database: str, *, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Api]:
    """An API server that runs as long as the context; by default in development mode."""
    environment = {**settings_of(uri, database), "WORKERS": str(workers), **(settings or {})}
    with running([["app.main", "serve"]], environment) as (server,):
        yield server


def settings_of(uri: str, database: str) -> dict[str, str]:
    """The environment of a server without limits, all of whose clients share an address."""
    return {
        "MONGODB_URI": uri,
        "MONGODB_DATABASE": database,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_LEVEL": "info",
        "MAX_OPERATIONS_PER_SECOND_PER_USER": "0",
        "MAX_CONNECTIONS_PER_USER": "1000000",
    }


@contextmanager
def running(
    commands: Sequence[Sequence[str]], environment: dict[str, str] | None = None
) -> Iterator[list[Api]]:
    """Python programs that run as long as the context. *Raises*: `RunFailed`."""
    processes: list[_Process] = []
    try:
        for command in commands:
            processes.append(_Process(command, environment or {}))  # noqa: PERF401 - ended if any fails
        deadline = monotonic() + START_SECONDS
        yield [process.wait_until_started(deadline) for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


class _Process:
    """A program that prints its address on standard error once it has started."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        # A session of its own: Ctrl-C reaches the lab, which ends its servers itself. Should the
        # lab be killed, the input ends, and with it a server that watches it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", *command],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._said = ""
        self._port: int | None = None
        self._settled = threading.Event()
        # Read to the end: a server whose log nobody reads stops when the pipe is full.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_started(self, deadline: float) -> Api:
        self._settled.wait(deadline - monotonic())
        if self._port is None or not self._settled.is_set() or self._process.poll() is not None:
            raise RunFailed(f"A server did not start. It said:\n{self._said.strip()}")
        return Api(self._port, self._process.pid)

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self) -> None:
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said = (self._said + line)[-_LAST_WORDS:]
            if serving := _SERVING.search(line):
                self._port = int(serving[1])
            if "startup complete" in line:
                self._settled.set()
        self._settled.set()


def npm_problem(folder: Path, *command: str) -> str | None:
    """Install packages with npm; the reason why Node programs cannot run in the folder."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "Node and npm are not installed"
    call = [npm, *command, "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(call, cwd=folder, timeout=NPM_SECONDS, check=True, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "npm cannot install their packages"
    return None


def end_with_input() -> None:
    """Ends a server when its standard input closes, because its parent has exited."""

    def watch() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
