"""What is measured: a MongoDB deployment and the API processes on it."""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from app.embedded.database import embedded_database


class Api(NamedTuple):
    """An API server: its port on loopback, and its process (with several workers, their parent)."""

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
    """An API server that runs as long as the context; in its development mode unless told else."""
    environment = os.environ | {
        "MONGODB_URI": uri,
        "MONGODB_DATABASE": database,
        "WORKERS": str(workers),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "MAX_OPERATIONS_PER_SECOND_PER_USER": "0",
        "MAX_CONNECTIONS_PER_USER": "1000000",  # all of a bench's clients share an address
        **(settings or {}),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "app.main", "serve"], env=environment, stderr=subprocess.PIPE
    ) as server:
        try:
            yield Api(_wait_until_started(server), server.pid)
        finally:
            server.terminate()


def _wait_until_started(server: "subprocess.Popen[bytes]") -> int:
    assert server.stderr is not None
    port = 0
    for line in server.stderr:
        if found := re.search(rb"Serving on http://127\.0\.0\.1:(\d+)", line):
            port = int(found[1])
        if b"Application startup complete" in line:
            # The log must be read on: a server whose log nobody reads stops when the pipe is full.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return port
    raise RuntimeError("The server did not start.")
