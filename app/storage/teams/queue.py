"""Lets the transactions of one process that touch the same team go one after another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from app.domain.ids import TeamId


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
