"""Runs a transaction over two teams: queued per team, retried until it commits or gives up."""

import asyncio
import random
from collections.abc import Callable

from pymongo.errors import PyMongoError

from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId
from app.storage.client import Client
from app.storage.errors import driver_faults
from app.storage.sessions import Body, ResultT, Sessions
from app.storage.teams.queue import TeamQueue

# Full jitter between 0 and a ceiling that doubles: rivals in other processes drift apart instead of
# meeting again. A transaction takes some 3 ms, so 40 attempts span about 4 s.
MAX_ATTEMPTS = 40
FIRST_BACKOFF_SECONDS = 0.002
MAX_BACKOFF_SECONDS = 0.2


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
