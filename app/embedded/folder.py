"""The data folder of the embedded database, its lock, and cleanup after a killed owner.

    owner.lock     held by the owning process; the kernel releases it, even after kill -9
    owner.json     the owner's pid, the last port, and the URI while it serves
    mongodb/       mongod's own files
    mongod.log     mongod's log since the last start; `mongod.log.1` that of the run before

Needs the optional packages `filelock` and `psutil`; only `database.py` imports this module, and
only when it starts.
"""

import json
import logging
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.primary import REPLICA_SET
from app.embedded.process import END_SECONDS

logger = logging.getLogger(__name__)

_PORTS = range(1024, 65536)


class DataFolder:
    """A data folder, owned by this process from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.database_path = self.path / "mongodb"
        self.log_path = self.path / "mongod.log"
        self.previous_port: int | None = None
        self._record_path = self.path / "owner.json"
        # Any thread may close what another opened.
        self._lock = FileLock(self.path / "owner.lock", thread_local=False)

    def open(self) -> None:
        """Create the folder if missing, lock it, and end the mongod of a killed owner.

        *Raises*: `EmbeddedDatabaseFailed` if another process owns the folder, which is left
        untouched; `OSError` if the folder cannot be used.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise EmbeddedDatabaseFailed(self._refusal()) from None
        try:
            self.database_path.mkdir(mode=0o700, exist_ok=True)
            self.previous_port = self._read_port()
            self.record(uri=None, port=self.previous_port)
            self._end_left_over()
            if self.log_path.exists():
                self.log_path.replace(self.log_path.with_suffix(".log.1"))
        except BaseException:
            self._lock.release()
            raise

    def record(self, *, uri: str | None, port: int | None) -> None:
        """Write `owner.json`: for a concurrent start the owner, for the next start the port."""
        record = {"pid": os.getpid(), "port": port, "uri": uri}
        partial = self._record_path.with_suffix(".partial")
        partial.write_text(json.dumps(record), encoding="utf-8")
        partial.replace(self._record_path)

    def close(self) -> None:
        """Release the lock; no effect if not held."""
        self._lock.release()

    def _read(self) -> dict[str, object]:
        try:
            record = json.loads(self._record_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _read_port(self) -> int | None:
        port = self._read().get("port")
        return port if isinstance(port, int) and port in _PORTS else None

    def _refusal(self) -> str:
        owner = self._read()
        pid, uri = owner.get("pid", "unknown"), owner.get("uri")
        join = f"join it with MONGODB_URI={uri}" if uri else "wait until it has started"
        return (
            f"The data folder {self.path} is in use by the process with id {pid}: "
            f"{join}, or give this server another folder with --data-dir or DATA_DIR."
        )

    def _end_left_over(self) -> None:
        """End a mongod that outlived its owner; since we hold the lock, it has no user."""
        for process in self._left_over():
            logger.warning("Ending the mongod %s that a former server left behind.", process.pid)
            try:
                process.terminate()
                try:
                    process.wait(END_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(END_SECONDS)
            except psutil.NoSuchProcess:
                pass
            except psutil.Error as error:
                raise EmbeddedDatabaseFailed(
                    f"The data folder {self.path} is in use by a mongod that a former server left "
                    f"behind and that cannot be ended ({error}): end it, or give another folder "
                    "with --data-dir or DATA_DIR."
                ) from error

    def _left_over(self) -> Iterator[psutil.Process]:
        # A mongod started by hand on these files has another replica set's name or none. It is not
        # ended; ours will fail with the files in use.
        ours = {("--dbpath", str(self.database_path)), ("--replSet", REPLICA_SET)}
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            options = set(pairwise(command))
            if command and Path(command[0]).stem == "mongod" and ours <= options:
                yield process
