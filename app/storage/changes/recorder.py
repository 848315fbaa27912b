"""The recorder: copies changes of teams from the change stream to the change log, once, in order.

A recorder runs in every server, and the lease allows one at a time to record. It writes entries and
its stream position in one transaction under its term: killed between any two steps, it leaves a log
that the next holder continues without a gap or a duplicate.
"""

import asyncio
import logging
import time
from typing import NoReturn
from uuid import uuid4

from pymongo.errors import PyMongoError

from app.domain.faults import DatabaseUnavailable
from app.storage.changes.appender import ChangeAppender, LeaseLost
from app.storage.changes.events import EVENT_FIELDS, changes_of_event
from app.storage.changes.lease import RENEW_SECONDS, Lease, keep_lease, release_lease, take_lease
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.stream import ChangeStream, ResumeToken
from app.storage.client import CLOSE_SECONDS, Client, recorder_of, teams_of
from app.storage.errors import HistoryLost
from app.storage.observer import StorageObserver

logger = logging.getLogger(__name__)

# Between two attempts to take the lease: the longest pause in recording after a clean release.
RETRY_SECONDS = 0.5


# While changes arrive several at a time, the next batch is gathered for this time: an append costs
# as much for one change as for twenty. A change that arrives alone is recorded at once.
GATHER_SECONDS = 0.02


class Recorder:
    """Records while it runs and holds the lease. One task owns and cancels it."""

    def __init__(self, client: Client, database: str, observer: StorageObserver) -> None:
        self._observer = observer
        self._client = client
        self._database = database
        self._teams = teams_of(client, database)
        self._recorder = recorder_of(client, database)
        self._log = MongoChangeLog(client, database)
        self._holder = uuid4().hex

    async def run(self) -> None:
        """Record whenever the lease is free. *Cancellation*: releases the lease."""
        while True:
            try:
                lease = await take_lease(self._recorder, self._holder)
                if lease is not None:
                    await self._record(lease)
            except LeaseLost:
                logger.warning("Another server has taken over the recording of changes.")
            except Exception as fault:
                self._observer.recording_failed()
                _log_fault(fault)
            await asyncio.sleep(RETRY_SECONDS)

    async def _record(self, lease: Lease) -> None:
        logger.info("This server records the changes, from position %s.", lease.position)
        appender = ChangeAppender(self._client, self._database, lease)
        try:
            if lease.resume_token is None:
                await self._record_with_lost_history(lease, appender)
            try:
                async with self._stream(resume_after=lease.resume_token) as stream:
                    await self._record_stream(stream, lease, appender)
            except HistoryLost:
                logger.error("The position in the change stream has fallen off the oplog.")  # noqa: TRY400
                await self._record_with_lost_history(lease, appender)
        finally:
            self._observer.recording_ended()
            await asyncio.shield(self._release(lease, appender))

    async def _record_with_lost_history(self, lease: Lease, appender: ChangeAppender) -> None:
        """Fill the log from the teams, then follow the stream.

        The stream is opened before the teams are read, so that no change falls between the two. A
        change from before the stream may not be majority-committed yet, hence the wait for writes
        in progress. A change that both contain is recorded once.
        """
        logger.info("The log is filled from the teams before changes are recorded as they happen.")
        async with self._stream(resume_after=None) as stream:
            await self._log.catch_up()
            await appender.append_lost_history(stream.position)
            await self._record_stream(stream, lease, appender)

    async def _record_stream(
        self, stream: ChangeStream, lease: Lease, appender: ChangeAppender
    ) -> NoReturn:
        renewed_at = time.monotonic()
        while True:
            events, resume_token = await stream.next_batch()
            if found := [change for event in events for change in changes_of_event(event)]:
                await appender.append(found, resume_token)
            # Reported only after the append has succeeded.
            self._observer.recorded(found)
            if len(found) > 1:
                await asyncio.sleep(GATHER_SECONDS)
            if time.monotonic() - renewed_at > RENEW_SECONDS:
                if not await keep_lease(self._recorder, lease, resume_token):
                    raise LeaseLost
                renewed_at = time.monotonic()

    def _stream(self, *, resume_after: ResumeToken | None) -> ChangeStream:
        return ChangeStream(
            self._client, self._teams, [{"$project": EVENT_FIELDS}], resume_after=resume_after
        )

    async def _release(self, lease: Lease, appender: ChangeAppender) -> None:
        await appender.finish(CLOSE_SECONDS)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await release_lease(self._recorder, lease)
        except (DatabaseUnavailable, PyMongoError, TimeoutError) as fault:
            logger.info("The lease could not be released and will expire: %r", fault)


def _log_fault(fault: Exception) -> None:
    match fault:
        case DatabaseUnavailable():
            logger.warning("Recording waits for the database: %s", fault)
        case HistoryLost():
            logger.error(
                "The stream position was lost while filling the log; retrying",
                exc_info=fault,
            )
        case _:
            logger.error("Recording failed; retrying", exc_info=fault)
