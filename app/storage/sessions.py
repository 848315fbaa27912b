"""Runs one attempt of a transaction on a session of its own, which no cancellation can take away.

Motor sends a command in a thread, which goes on when its caller is cancelled. Were the session
ended meanwhile, the driver could send the transaction's first statement as a write of its own: it
would stay, without the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import PyMongoError

from app.storage.client import MAJORITY_WRITES, Client

ResultT = TypeVar("ResultT")
Body = Callable[[AsyncIOMotorClientSession], Awaitable[ResultT | None]]

# Committing is idempotent, so an unknown result is settled by asking for it again.
MAX_COMMITS = 5


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
