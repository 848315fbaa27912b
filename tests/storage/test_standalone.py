"""A mongod without a replica set is refused with a sentence."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from app.domain.faults import DatabaseUnsuitable
from app.embedded.mongod import find_mongod
from app.storage.client import close
from app.storage.preparation import prepare_database
from tests.harness.driver import connect

START_SECONDS = 30


@pytest.fixture
def standalone_uri(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri = f"mongodb://127.0.0.1:{port}"
    command = [str(find_mongod()), "--dbpath", str(tmp_path), "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        mongod = subprocess.Popen([*command, "--nounixsocket"], stdout=log, stderr=log)
    try:
        _wait_until_it_answers(uri, mongod)
        yield uri
    finally:
        mongod.kill()
        mongod.wait()


def _wait_until_it_answers(uri: str, mongod: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=500) as client:
        while True:
            try:
                client.admin.command("ping")
                return
            except PyMongoError:
                assert mongod.poll() is None, "mongod ended by itself."
                assert time.monotonic() < deadline, "mongod did not start."


async def test_a_standalone_mongod_is_refused_with_what_to_do(standalone_uri: str) -> None:
    client = connect(standalone_uri, timeout_seconds=5)

    with pytest.raises(DatabaseUnsuitable, match=r"standalone.*--replSet NAME.*rs\.initiate"):
        await prepare_database(client, "teams")

    assert "teams" not in await client.list_database_names()
    await close(client)
