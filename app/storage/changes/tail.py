"""Follows the change log as it grows: one tail per server, for all its subscribers."""

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
    """`ChangeTail` on MongoDB. The log itself is what it resumes from, so no loss is possible."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._changes = team_changes_of(client, database)
        self._log = MongoChangeLog(client, database)

    async def follow(self) -> AsyncIterator[Sequence[Change]]:
        """See `ChangeTail`."""
        position: int | None = None
        while True:
            try:
                # The stream is opened first and the log read after, so nothing falls between them;
                # not even a change that lies before the stream, and that no majority has until
                # after the log is read: hence the wait for what is under way.
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
            except Exception:  # whatever it is, the server goes on
                logger.exception("Following the change log failed and is tried again")
            await asyncio.sleep(RETRY_SECONDS)
