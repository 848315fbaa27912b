"""A tail of the change log: one per server, for all its subscribers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from app.domain.changes import Change
from app.domain.faults import DatabaseUnavailable
from app.storage.changes.documents import read_change
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.stream import ChangeStream
from app.storage.client import Client, team_changes_of
from app.storage.errors import HistoryLost

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
CATCH_UP_SIZE = 1_000

_INSERTS = ({"$match": {"operationType": "insert"}}, {"$project": {"fullDocument": 1}})


class MongoChangeTail:
    """`ChangeTail` on MongoDB. It resumes from the log itself, so nothing can be lost."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._changes = team_changes_of(client, database)
        self._log = MongoChangeLog(client, database)

    async def follow(self) -> AsyncIterator[Sequence[Change]]:
        position: int | None = None
        while True:
            try:
                # The stream is opened before the log is read, so that nothing falls between them. A
                # change from before the stream may not be majority-committed yet, hence the wait
                # for writes in progress.
                async with ChangeStream(
                    self._client, self._changes, _INSERTS, resume_after=None
                ) as stream:
                    if position is None:
                        position = await self._log.last_position()
                        yield []
                    await self._log.catch_up()
                    while missed := await self._log.changes_after(position, limit=CATCH_UP_SIZE):
                        yield missed
                        position = missed[-1].position
                    while True:
                        events, _ = await stream.next_batch()
                        changes = [read_change(event["fullDocument"]) for event in events]
                        new = [change for change in changes if change.position > position]
                        if new:
                            yield new
                            position = new[-1].position
            except (DatabaseUnavailable, HistoryLost) as fault:
                logger.warning("The feeds wait for the database: %s", fault)
            except Exception:  # any other: the server continues
                logger.exception("Following the change log failed; retrying")
            await asyncio.sleep(RETRY_SECONDS)
