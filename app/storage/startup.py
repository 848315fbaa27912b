"""Database preparation at startup: retried until it succeeds, with progress reports."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from pymongo.errors import PyMongoError

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.storage.cancellation import cancellation_kept
from app.storage.client import Client, settled
from app.storage.preparation import prepare_database

logger = logging.getLogger(__name__)

# Between two attempts; each waits for the database as long as a request may.
RETRY_SECONDS = 1

# Between two progress reports. A database that is already prepared causes none.
REPORT_SECONDS = 3


class Preparation:
    """`prepare_database` for a server that may start before its database."""

    def __init__(self, client: Client, database: str, *, request_memory_hours: int = 24) -> None:
        self._client = client
        self._database = database
        self._request_memory_hours = request_memory_hours
        self._done = False
        self._began_at = 0.0
        self._step = ""
        self._progress = ""
        self.was_tried = asyncio.Event()
        """Set after the first attempt."""

    def is_done(self) -> bool:
        """True once it has succeeded. Before, nothing may be written, since nothing holds G1."""
        return self._done

    def refuse_unfinished(self) -> None:
        """Return if it has succeeded.

        *Raises*: `DatabaseUnsuitable` with the current step; `DatabaseUnavailable` between steps.
        """
        if not self._done:
            raise DatabaseUnsuitable(self._report()) if self._step else DatabaseUnavailable

    async def attempt(self) -> bool:
        """Prepare once: False if the database is unavailable. *Raises*: `DatabaseUnsuitable`."""
        self._began_at = time.monotonic()
        reporting = asyncio.create_task(self._report_regularly())
        try:
            await prepare_database(
                self._client,
                self._database,
                request_memory_hours=self._request_memory_hours,
                note=self._begin_step,
            )
        except DatabaseUnavailable as fault:
            logger.warning("The database is not ready yet, and will be tried again: %s", fault)
            return False
        finally:
            reporting.cancel()
            self._begin_step("")
            self.was_tried.set()
        self._done = True
        if self._seconds() > REPORT_SECONDS:
            logger.info("The database is prepared, after %.0f s.", self._seconds())
        return True

    async def repeat_until_done(self, refuse: Callable[[DatabaseUnsuitable], None]) -> bool:
        """Attempt until success; False, after a call of `refuse`, if the database is unsuitable."""
        try:
            while not await self.attempt():
                await asyncio.sleep(RETRY_SECONDS)
        except DatabaseUnsuitable as fault:
            refuse(fault)
        return self._done

    def _begin_step(self, step: str) -> None:
        self._step, self._progress = step, ""

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if self._step:
                self._progress = await _progress_of_builds(self._client, self._database)
                logger.info("%s", self._report())

    def _report(self) -> str:
        progress = f" ({self._progress})" if self._progress else ""
        return (
            f"The database is being prepared, for {self._seconds():.0f} s now: "
            f"{self._step}{progress}."
        )

    def _seconds(self) -> float:
        return time.monotonic() - self._began_at


async def _progress_of_builds(client: Client, database: str) -> str:
    """The index builds in progress; empty without the privilege `inprog`."""
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True}},
        {"$match": {"command.createIndexes": {"$exists": True}, "progress.total": {"$gt": 0}}},
        {"$project": {"ns": 1, "msg": 1, "progress": 1, "command.indexes.name": 1}},
    ]
    try:
        with cancellation_kept():
            found = await (await settled(client.admin.aggregate(pipeline))).to_list(None)
    except PyMongoError:
        return ""
    return "; ".join(_described(each) for each in found if each["ns"].startswith(f"{database}."))


def _described(build: dict[str, Any]) -> str:
    # The message repeats itself: "Index Build: <stage> Index Build: <stage>: 1/9 11%".
    stage = build.get("msg", "").removeprefix("Index Build: ").partition(" Index Build: ")[0]
    names = ", ".join(index["name"] for index in build["command"].get("indexes", ()))
    done, total = build["progress"]["done"], build["progress"]["total"]
    return f"{names}: {stage}, {done:,} of {total:,}"
