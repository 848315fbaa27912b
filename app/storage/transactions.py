"""Transactions: their sessions, their turns per team, and their retries."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from pymongo.errors import PyMongoError

from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId
from app.storage.client import MAJORITY_WRITES, Client, Session, settled
from app.storage.errors import driver_faults

ResultT = TypeVar("ResultT")
Body = Callable[[Session], Awaitable[ResultT | None]]

# Full jitter between 0 and a ceiling that doubles, so that conflicting transactions of several
# processes drift apart. A transaction takes some 3 ms, so 40 attempts take about 4 s.
MAX_ATTEMPTS = 40
FIRST_BACKOFF_SECONDS = 0.002
MAX_BACKOFF_SECONDS = 0.2

# A commit is idempotent, so it is repeated while its result is unknown.
MAX_COMMITS = 5


class Transactions:
    """Transactions over teams: queued per team, and retried. No other layer retries them."""

    def __init__(self, client: Client, note_retry: Callable[[], None]) -> None:
        self._sessions = Sessions(client)
        self._note_retry = note_retry
        self._queue = TeamQueue()

    async def run(self, body: Body[ResultT], *team_ids: TeamId | None) -> ResultT | None:
        """The result of `body`, committed; None aborts and leaves nothing behind.

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
        raise TooMuchContention("Every attempt of the transaction met a conflict.")

    async def finish(self, seconds: float) -> None:
        """Wait at most this long for transactions whose callers were cancelled."""
        await self._sessions.finish(seconds)


def _is_transient(error: BaseException) -> bool:
    """True if the server allows the whole transaction to be retried."""
    cause = error if isinstance(error, PyMongoError) else error.__cause__
    return (
        isinstance(cause, PyMongoError)
        and cause.has_error_label("TransientTransactionError")
        and not cause.timeout
    )


class Sessions:
    """Single attempts of transactions, each on its own session and safe from cancellation.

    Motor sends a command in a thread, which continues when its caller is cancelled. If the session
    were ended meanwhile, the driver could send the transaction's first statement as a write of its
    own, which would remain without the rest. PyMongo's async API would cancel the command, and
    leave it unknown whether a commit was sent. So an attempt is a task that no caller cancels.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._running = set[asyncio.Task[object]]()

    async def transact(self, body: Body[ResultT]) -> ResultT | None:
        """The result of `body`, committed; None, or an exception, aborts.

        *Cancellation*: returns at once. The attempt ends in the background: the statement that was
        sent is awaited, then the transaction is aborted, unless its commit had been sent.
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
        """Wait at most this long for attempts in progress."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _note_end(self, attempt: asyncio.Task[object]) -> None:
        self._running.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()  # a cancelled caller does not retrieve it

    async def _attempt(self, body: Body[ResultT], abandoned: asyncio.Event) -> ResultT | None:
        session = await settled(self._client.start_session())
        try:
            await settled(session.start_transaction(write_concern=MAJORITY_WRITES))
            result = await body(session)
            if result is None or abandoned.is_set():
                await session.abort_transaction()
            else:
                await _commit(session)
        except asyncio.CancelledError:
            # The event loop ends, and a thread may still be sending: the database will abort.
            raise
        except BaseException:
            await session.end_session()
            raise
        # Not by `async with`: Motor's ends the session on the event loop's own thread, and with an
        # open transaction it would wait there for a database that may be silent.
        await session.end_session()
        return result


async def _commit(session: Session) -> None:
    for _ in range(MAX_COMMITS - 1):
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or error.timeout:
                raise
    return await session.commit_transaction()


class TeamQueue:
    """A queue per team for the transactions of this process.

    Of two transactions that write one document at the same time, one is aborted and retried: 48
    moves into one team met 30,000 aborts without a queue. This only saves work: conflicts between
    processes are resolved by the database, and correctness does not depend on it.
    """

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[TeamId, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, *team_ids: TeamId | None) -> AsyncIterator[None]:
        """Wait for the turn at all of these teams; None is ignored.

        All callers take them in the same order, so that two never hold what the other needs.
        *Cancellation*: a cancelled caller leaves the queue.
        """
        wanted = sorted({team_id for team_id in team_ids if team_id is not None})
        locks = [self._turns.setdefault(team_id, asyncio.Lock()) for team_id in wanted]
        async with AsyncExitStack() as held:
            for lock in locks:
                await held.enter_async_context(lock)
            yield
