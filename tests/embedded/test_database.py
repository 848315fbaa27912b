"""The embedded database on a real mongod: start, data, restart and cleanup."""

import os
import signal
import socketserver
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.database import embedded_database

DEADLINE_SECONDS = 30.0
PROJECT = Path(__file__).parents[2]

OWNER = """
import sys
from pathlib import Path
from app.embedded.database import embedded_database
{before}
with embedded_database(Path(sys.argv[1])) as uri:
    print(uri, flush=True)
    sys.stdin.read()
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"Waited in vain: {what}"
        time.sleep(0.02)


def port_of(uri: str) -> int:
    port = parse_uri(uri)["nodelist"][0][1]
    assert isinstance(port, int)
    return port


@contextmanager
def connected(uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=10_000) as client:
        yield client


def write(uri: str, name: str) -> None:
    with connected(uri) as client:
        client.test.teams.insert_one({"name": name})


def names(uri: str) -> list[str]:
    with connected(uri) as client:
        return [team["name"] for team in client.test.teams.find().sort("_id")]


def mongod_pid(uri: str) -> int:
    with connected(uri) as client:
        pid = client.admin.command("serverStatus")["pid"]
    assert isinstance(pid, int)
    return pid


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def another_program_on(port: int) -> Iterator[None]:
    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    with Server(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def owner_process(folder: Path, *, before: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that owns the folder, and its URI; killed at the end, if not before."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER.format(before=before), str(folder)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_new_folder_becomes_a_writable_replica_set_on_loopback_only(tmp_path: Path) -> None:
    with embedded_database(tmp_path / "data") as uri:
        write(uri, "Team A")

        with connected(uri) as client:
            hello = client.admin.command("hello")
            bound = client.admin.command("getCmdLineOpts")["parsed"]["net"]["bindIp"]
        assert hello["isWritablePrimary"]
        assert hello["hosts"] == [f"127.0.0.1:{port_of(uri)}"]
        assert bound == "127.0.0.1"
        assert os.getsid(mongod_pid(uri)) != os.getsid(0)
        assert stat.S_IMODE((tmp_path / "data" / "mongodb").stat().st_mode) == 0o700


def test_a_restart_keeps_the_data_and_the_port(tmp_path: Path) -> None:
    with embedded_database(tmp_path) as first_uri:
        write(first_uri, "Team A")
        pid = mongod_pid(first_uri)
    assert not is_running(pid)

    with embedded_database(tmp_path) as uri:
        assert uri == first_uri
        assert names(uri) == ["Team A"]


def test_a_restart_keeps_the_data_when_another_program_took_the_port(tmp_path: Path) -> None:
    with embedded_database(tmp_path) as first_uri:
        write(first_uri, "Team A")

    with another_program_on(port_of(first_uri)), embedded_database(tmp_path) as moved_uri:
        assert moved_uri != first_uri
        write(moved_uri, "Team B")
        assert names(moved_uri) == ["Team A", "Team B"]


def test_a_killed_mongod_is_restarted_at_the_same_uri_with_its_data(tmp_path: Path) -> None:
    with embedded_database(tmp_path) as uri:
        write(uri, "Team A")
        killed = mongod_pid(uri)

        os.kill(killed, signal.SIGKILL)

        def came_back() -> bool:
            try:
                return mongod_pid(uri) != killed
            except PyMongoError:
                return False

        wait_until(came_back, "mongod starts again")
        write(uri, "Team B")
        assert names(uri) == ["Team A", "Team B"]
        last = mongod_pid(uri)
    assert not is_running(last)


def test_a_second_owner_of_a_folder_is_refused(tmp_path: Path) -> None:
    with embedded_database(tmp_path) as uri:
        write(uri, "Team A")

        with pytest.raises(EmbeddedDatabaseFailed) as refusal:
            embedded_database(tmp_path).__enter__()

        for fact in (str(tmp_path), str(os.getpid()), f"MONGODB_URI={uri}", "--data-dir"):
            assert fact in str(refusal.value)
        write(uri, "Team B")
        assert names(uri) == ["Team A", "Team B"]


def test_two_folders_in_one_process_have_two_databases(tmp_path: Path) -> None:
    with embedded_database(tmp_path / "a") as one, embedded_database(tmp_path / "b") as other:
        write(one, "Team A")

        assert names(one) == ["Team A"]
        assert names(other) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
def test_a_killed_owner_leaves_its_data_and_no_mongod(tmp_path: Path) -> None:
    with owner_process(tmp_path) as (owner, uri):
        write(uri, "Team A")
        orphan = mongod_pid(uri)

        owner.kill()

        wait_until(lambda: not is_running(orphan), "the orphan ends")
    with embedded_database(tmp_path) as uri:
        assert names(uri) == ["Team A"]


def test_a_mongod_left_by_a_killed_owner_is_ended_by_the_next(tmp_path: Path) -> None:
    # Without the launcher the kernel is not asked to end mongod, as on systems that cannot.
    with owner_process(tmp_path, before="sys.executable = ''") as (owner, uri):
        write(uri, "Team A")
        orphan = mongod_pid(uri)
        owner.kill()
        owner.wait()
        assert is_running(orphan)

        with embedded_database(tmp_path) as next_uri:
            assert not is_running(orphan)
            assert names(next_uri) == ["Team A"]


def test_an_unusable_folder_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedDatabaseFailed, match=r"cannot be used.*--data-dir.*MONGODB_URI"):
        embedded_database(tmp_path / "file" / "data").__enter__()
