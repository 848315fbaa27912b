"""A real MongoDB for the whole run, and a database of its own for each test that asks."""

import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from app.embedded.database import embedded_database
from app.storage.client import Client, close
from app.storage.preparation import prepare_database
from tests.harness.driver import DRIVER, connect

MEMORY = Path("/dev/shm")
DATABASE_BYTES = 4_000_000_000
"""The room for the databases of all test processes."""


def pytest_configure(config: pytest.Config) -> None:
    """Lets the processes that tests start be interrupted, and start quickly.

    A shell starts with SIGINT ignored what it puts in the background, and that is inherited. Where
    Python is told to keep no compiled code, each of some hundred servers would compile the service,
    and each run all the tests.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if DRIVER == "pymongo":
        # PyMongo 4.20 leaves the socket to the garbage collector when connecting is cancelled.
        config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


def find_chromium() -> str | None:
    """The browser's path; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_report_header() -> list[str]:
    """Says it where the page for browsers can't be tested."""
    if find_chromium() or os.environ.get("REQUIRE_BROWSER"):
        return []
    return ["There is no Chromium: the tests of the page in tests/api/browser are skipped."]


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The URI of a single-node replica set. When it can't start, the tests that need it fail.

    Its files are in memory where there is room, since no test needs them after the run.
    """
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > DATABASE_BYTES
    with (
        TemporaryDirectory(prefix="team-joiner-", dir=MEMORY if in_memory else None) as folder,
        embedded_database(Path(folder)) as uri,
    ):
        with MongoClient[dict[str, Any]](uri) as client:
            # Majority reads wait for the journal, which is written every 100 ms by default.
            client.admin.command("setParameter", 1, journalCommitInterval=5)
        yield uri


@pytest.fixture
async def client(mongodb_uri: str) -> AsyncIterator[Client]:
    """A driver connection of the storage package's own making."""
    client = connect(mongodb_uri, timeout_seconds=10)
    yield client
    await close(client)


@pytest.fixture
async def empty_database(client: Client) -> AsyncIterator[str]:
    """The name of a database that nobody has used."""
    name = f"test_{uuid4().hex[:12]}"
    yield name
    await client.drop_database(name)


@pytest.fixture
async def database(client: Client, empty_database: str) -> str:
    """The name of a database that is prepared, as a server does at its start."""
    await prepare_database(client, empty_database)
    return empty_database
