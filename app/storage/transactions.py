"""Transactions: their sessions, their turns per team, and their retries."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import PyMongoError

from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId
from app.storage.client import MAJORITY_WRITES, Client
from app.storage.errors import driver_faults

ResultT = TypeVar("ResultT")
Body = Callable[[AsyncIOMotorClientSession], Awaitable[ResultT | None]]

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
        self._sessions = Sessions(client)
        self._note_retry = note_retry
        self._queue = TeamQueue()

    async def run(self, body: Body[ResultT], *team_ids: TeamId | None) -> ResultT | None:
        """What `body` answers, committed; None aborts and leaves nothing behind.

        *Raises*: `TooMuchContention` after the last attempt, `DatabaseUnavailable`. *Cancellation*:
        see `Sessions.transact`.
        """
        async with self._queue.turn(*team_ids):
            for attempt in range(MAX_ATTEMPTS):
                try:
                    with driver_faults():
                        return await self._sessions.transact(body)
                except Exception as error:
                    if not _is_transient(error):
                        raise
                    self._note_retry()
                    ceiling = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt)
                    await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter
        raise TooMuchContention("The transaction met a rival on every attempt.")

    async def finish(self, seconds: float) -> None:
        """Waits so long, at most, for transactions whose callers have gone."""
        await self._sessions.finish(seconds)


def _is_transient(error: BaseException) -> bool:
    """Whether the server says that the whole transaction may be run again."""
    cause = error if isinstance(error, PyMongoError) else error.__cause__
    return (
        isinstance(cause, PyMongoError)
        and cause.has_error_label("TransientTransactionError")
        and not cause.timeout
    )


class Sessions:
    """The attempts under way on one client, also those whose callers have gone."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._running = set[asyncio.Task[object]]()

    async def transact(self, body: Body[ResultT]) -> ResultT | None:
        """What `body` answers, committed; None, or an exception, aborts.

        *Cancellation*: the caller goes at once. Its attempt ends behind its back: what was sent is
        waited for, then the transaction is aborted, unless its commit had been sent.
        """
        abandoned = asyncio.Event()
        attempt = asyncio.create_task(self._attempt(body, abandoned))
        self._running.add(attempt)
        attempt.add_done_callback(self._note_end)
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            abandoned.set()
            raise

    async def finish(self, seconds: float) -> None:
        """Waits so long, at most, for attempts that are still under way."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _note_end(self, attempt: asyncio.Task[object]) -> None:
        self._running.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()  # nobody else asks when the caller has gone

    async def _attempt(self, body: Body[ResultT], abandoned: asyncio.Event) -> ResultT | None:
        session = await self._client.start_session()
        try:
            session.start_transaction(write_concern=MAJORITY_WRITES)
            result = await body(session)
            if result is None or abandoned.is_set():
                await session.abort_transaction()
            else:
                await _commit(session)
        except asyncio.CancelledError:
            # The event loop ends, and a thread may still be sending: the database aborts by itself.
            raise
        except BaseException:
            await session.end_session()
            raise
        # Not by `async with`: Motor's leaves the session on the event loop's own thread, and where
        # a transaction is open it waits there for a database that may be silent.
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


class TeamQueue:
    """First come, first served, per team.

    Two transactions that write one document at once cost one of them an abort and a retry: 48
    moves into one team met 30,000 aborts when nothing queued them. This only saves work: what
    other processes do is settled by the database, and correctness rests on nothing here.
    """

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[TeamId, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, *team_ids: TeamId | None) -> AsyncIterator[None]:
        """Waits for the turn at all the teams given; None is passed over.

        They are taken in one order by everybody, so that two waiters never hold what the other
        one needs. *Cancellation*: a waiter that is cancelled leaves the queue.
        """
        wanted = sorted({team_id for team_id in team_ids if team_id is not None})
        locks = [self._turns.setdefault(team_id, asyncio.Lock()) for team_id in wanted]
        async with AsyncExitStack() as held:
            for lock in locks:
                await held.enter_async_context(lock)
            yield
