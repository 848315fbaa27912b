"""Runs a transaction over two teams: queued per team, retried until it commits or gives up."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import PyMongoError

from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId
from app.storage.client import MAJORITY_WRITES, Client
from app.storage.errors import driver_faults
from app.storage.team_queue import TeamQueue

ResultT = TypeVar("ResultT")

# Full jitter between 0 and a ceiling that doubles: rivals in other processes drift apart instead of
# meeting again. A transaction takes some 3 ms, so 40 attempts span about 4 s.
MAX_ATTEMPTS = 40
FIRST_BACKOFF_SECONDS = 0.002
MAX_BACKOFF_SECONDS = 0.2

# Committing is idempotent, so an unknown result is settled by asking for it again.
MAX_COMMITS = 5


class Transactions:
    """Owns the whole attempt: nothing above or below it repeats a transaction."""

    def __init__(self, client: Client, note_retry: Callable[[], None]) -> None:
        self._client = client
        self._note_retry = note_retry
        self._queue = TeamQueue()
        self._ending: set[asyncio.Future[None]] = set()

    async def run(
        self,
        body: Callable[[AsyncIOMotorClientSession], Awaitable[ResultT | None]],
        *team_ids: TeamId | None,
    ) -> ResultT | None:
        """What `body` answers, committed; None aborts and leaves nothing behind.

        *Raises*: `TooMuchContention` after the last attempt, `DatabaseUnavailable`. *Cancellation*:
        a transaction that is not committed is aborted, behind the caller's back.
        """
        async with self._queue.turn(*team_ids):
            for attempt in range(MAX_ATTEMPTS):
                try:
                    with driver_faults():
                        return await self._attempt(body)
                except Exception as error:
                    if not _is_transient(error):
                        raise
                    self._note_retry()
                    ceiling = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt)
                    await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter
        raise TooMuchContention("The transaction met a rival on every attempt.")

    async def _attempt(
        self, body: Callable[[AsyncIOMotorClientSession], Awaitable[ResultT | None]]
    ) -> ResultT | None:
        session = await self._client.start_session()
        try:
            session.start_transaction(write_concern=MAJORITY_WRITES)
            result = await body(session)
            if result is None:
                await session.abort_transaction()
            else:
                await _commit(session)
        except asyncio.CancelledError:
            # Ending the session aborts, and waits for a database that may be silent: a request
            # whose time is up has no time for that.
            ending = asyncio.ensure_future(session.end_session())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            raise
        except BaseException:
            await session.end_session()
            raise
        await session.end_session()
        return result


async def _commit(session: AsyncIOMotorClientSession) -> None:
    for _ in range(MAX_COMMITS - 1):
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or error.timeout:
                raise
    return await session.commit_transaction()


def _is_transient(error: BaseException) -> bool:
    """Whether the server says that the whole transaction may be run again."""
    cause = error if isinstance(error, PyMongoError) else error.__cause__
    return (
        isinstance(cause, PyMongoError)
        and cause.has_error_label("TransientTransactionError")
        and not cause.timeout
    )
