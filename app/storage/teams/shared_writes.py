"""Joins and leaves that wait for the same team in this process share its next write.

MongoDB makes one write of a document at a time; of two at once it retries one. A rush into one team
is therefore as slow as its writes in sequence, unless a write carries several changes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass

from app.domain.ids import TeamId, UserId
from app.domain.teams import Team
from app.storage.teams.memberships import MembershipChange

# The descriptions of so many changes fit into what the recorder reads of a write.
MAX_SHARED = 50

# Beyond it a change of the team is written alone, so the queue is bounded.
MAX_WAITING = 1_000

WriteTogether = Callable[[Sequence[MembershipChange]], Awaitable[list[Team] | None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A change in the queue of its team, and the future that its request awaits."""

    change: MembershipChange
    answer: asyncio.Future[Team | None]


class SharedWrites:
    """The writes of memberships by this process, one at a time for each team.

    A change that arrives while its team is being written waits for that write, and then takes part
    in the next. *Outcomes*: None for a change that was refused when it was written alone: a shared
    write that is refused answers none of its changes, so each is then tried by itself (G8).

    *Limits*: `MAX_SHARED` changes in a write; `MAX_WAITING` wait for a team, and each waits for one
    write, its own shared one and, if that is refused, its own.
    *Cancellation*: a change that still waits is not made; one that is being written may be.
    """

    def __init__(self, write_together: WriteTogether) -> None:
        self._write_together = write_together
        self._queues: dict[TeamId, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, change: MembershipChange) -> Team | None:
        """The team after the change; None if it is refused."""
        queue = self._queues.get(change.team_id)
        if queue is None:
            queue = self._queues[change.team_id] = deque()
            try:
                return await self._write_one(change)
            finally:
                self._go_on(change.team_id, queue)
        if len(queue) >= MAX_WAITING:
            return await self._write_one(change)
        waiting = _Waiting(change, asyncio.get_running_loop().create_future())
        queue.append(waiting)
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            if waiting in queue:
                queue.remove(waiting)
            raise

    async def finish(self, seconds: float) -> None:
        """Wait at most this long for writes that are under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _go_on(self, team_id: TeamId, queue: deque[_Waiting]) -> None:
        if not queue:
            del self._queues[team_id]
            return
        # The task serves several requests, so it belongs to no request's trace or time limit.
        task = asyncio.get_running_loop().create_task(
            self._write_next(team_id, queue), context=Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_next(self, team_id: TeamId, queue: deque[_Waiting]) -> None:
        if not queue:  # all of it has been cancelled since
            self._go_on(team_id, queue)
            return
        taken = _take_together(queue)
        changes = [each.change for each in taken]
        answers: Sequence[Team | BaseException | None] | None
        alone: Awaitable[Sequence[Team | BaseException | None]] | None = None
        try:
            answers = await self._write_together(changes)
        except Exception as fault:
            answers = [fault] * len(changes)
        if answers is None and len(changes) > 1:
            # Begun before the next write, so no later change overtakes these.
            writes = (self._write_one(change) for change in changes)
            alone = asyncio.gather(*writes, return_exceptions=True)
        self._go_on(team_id, queue)
        _answer(taken, await alone if alone else answers or [None])

    async def _write_one(self, change: MembershipChange) -> Team | None:
        teams = await self._write_together([change])
        return teams[0] if teams else None


def _take_together(queue: deque[_Waiting]) -> list[_Waiting]:
    """Take the first changes of a queue that one write can make: of one kind, each user once."""
    kind = queue[0].change.kind
    taken: dict[UserId, _Waiting] = {}
    while queue and len(taken) < MAX_SHARED:
        change = queue[0].change
        if change.user_id in taken or change.kind is not kind:
            break
        taken[change.user_id] = queue.popleft()
    return list(taken.values())


def _answer(taken: Sequence[_Waiting], answers: Sequence[Team | BaseException | None]) -> None:
    for each, answer in zip(taken, answers, strict=True):
        if each.answer.done():  # cancelled with its request
            continue
        if isinstance(answer, BaseException):
            each.answer.set_exception(answer)
        else:
            each.answer.set_result(answer)
