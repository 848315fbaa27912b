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
from typing import Any

import psutil
from filelock import FileLock, Timeout

from app.domain.faults import EmbeddedDatabaseFailed
from app.embedded.mongod import END_SECONDS
from app.embedded.replica_set import REPLICA_SET

logger = logging.getLogger(__name__)


class DataFolder:
    """A data folder, owned by this process from its creation to `close`.

    A mongod left by a killed owner is ended. *Raises*: `EmbeddedDatabaseFailed` if another process
    owns the folder, which is left untouched; `OSError` if the folder cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.database_path = self.path / "mongodb"
        self.log_path = self.path / "mongod.log"
        self._record_path = self.path / "owner.json"
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Any thread may close what another opened.
        self._lock = FileLock(self.path / "owner.lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            owner = self._read()
            uri = owner.get("uri")
            join = f"join it with MONGODB_URI={uri}" if uri else "wait until it has started"
            raise EmbeddedDatabaseFailed(
                f"The data folder {self.path} is in use by the process with id {owner.get('pid')}: "
                f"{join}, or give this server another folder with --data-dir or DATA_DIR."
            ) from None
        try:
            self.database_path.mkdir(mode=0o700, exist_ok=True)
            port = self._read().get("port")
            self.previous_port = port if isinstance(port, int) and 0 < port < 65536 else None
            self.record(uri=None, port=self.previous_port)
            self._end_left_over()
            if self.log_path.exists():
                self.log_path.replace(self.log_path.with_suffix(".log.1"))
        except BaseException:
            self.close()
            raise

    def record(self, *, uri: str | None, port: int | None) -> None:
        """Write `owner.json`: for a concurrent start the owner, for the next start the port."""
        partial = self._record_path.with_suffix(".partial")
        partial.write_text(json.dumps({"pid": os.getpid(), "port": port, "uri": uri}), "utf-8")
        partial.replace(self._record_path)

    def close(self) -> None:
        """Release the lock; no effect if not held."""
        self._lock.release()

    def _read(self) -> dict[str, Any]:
        try:
            record = json.loads(self._record_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _end_left_over(self) -> None:
        """End a mongod that outlived its owner; since we hold the lock, it has no user."""
        for process in self._left_over():
            logger.warning("Ending the mongod %s left by a killed server.", process.pid)
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
                    f"The data folder {self.path} is in use by a mongod of a killed server that "
                    f"cannot be ended ({error}): end it, or give another folder with --data-dir "
                    "or DATA_DIR."
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
            if command and Path(command[0]).stem == "mongod" and ours <= set(pairwise(command)):
                yield process
