"""Joins and leaves that wait for the same team in this process share its next write.

MongoDB makes one write of a document at a time; of two at once it retries one. A rush into one team
is therefore as slow as its writes in sequence, unless a write carries several changes.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context

from app.domain.ids import TeamId, UserId
from app.domain.teams import Team
from app.storage.teams.memberships import MembershipChange

# The descriptions of so many changes fit into what the recorder reads of a write.
MAX_SHARED = 50

# Beyond it a change of the team is written alone, so the line is bounded whatever the rush.
MAX_WAITING = 1_000


WriteTogether = Callable[[Sequence[MembershipChange]], Awaitable[list[Team] | None]]


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
        self._lines: dict[TeamId, deque[MembershipChange]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, change: MembershipChange) -> Team | None:
        """The team after the change; None if it is refused."""
        line = self._lines.get(change.team_id)
        if line is None:
            line = self._lines[change.team_id] = deque()
            try:
                return await self._write_one(change)
            finally:
                self._go_on(change.team_id, line)
        if len(line) >= MAX_WAITING:
            return await self._write_one(change)
        line.append(change)
        try:
            return await change.answer
        except asyncio.CancelledError:
            if change in line:
                line.remove(change)
            raise

    async def finish(self, seconds: float) -> None:
        """Waits so long, at most, for writes that are under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _go_on(self, team_id: TeamId, line: deque[MembershipChange]) -> None:
        if not line:
            del self._lines[team_id]
            return
        # The task serves several requests, so it belongs to no request's trace or time limit.
        task = asyncio.get_running_loop().create_task(
            self._write_next(team_id, line), context=Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_next(self, team_id: TeamId, line: deque[MembershipChange]) -> None:
        changes = _take_together(line)
        teams: Sequence[Team | BaseException | None] | None = None
        if len(changes) > 1:
            try:
                teams = await self._write_together(changes)
            except Exception as fault:
                teams = [fault] * len(changes)
        else:
            teams = await self._write_alone(changes)
        self._go_on(team_id, line)
        if teams is None:
            teams = await self._write_alone(changes)
        _answer(changes, teams)

    async def _write_one(self, change: MembershipChange) -> Team | None:
        teams = await self._write_together([change])
        return teams[0] if teams else None

    async def _write_alone(
        self, changes: Sequence[MembershipChange]
    ) -> Sequence[Team | BaseException | None]:
        writes = (self._write_one(change) for change in changes)
        return await asyncio.gather(*writes, return_exceptions=True)


def _take_together(line: deque[MembershipChange]) -> list[MembershipChange]:
    """Takes the first changes of a line that one write can make: of one kind, each user once."""
    taken: dict[UserId, MembershipChange] = {}
    while line and len(taken) < MAX_SHARED:
        change = line[0]
        if change.user_id in taken or any(change.kind != each.kind for each in taken.values()):
            break
        taken[change.user_id] = line.popleft()
    return list(taken.values())


def _answer(
    changes: Sequence[MembershipChange], answers: Sequence[Team | BaseException | None]
) -> None:
    for change, answer in zip(changes, answers, strict=True):
        if change.answer.done():  # cancelled with its request
            continue
        if isinstance(answer, BaseException):
            change.answer.set_exception(answer)
        else:
            change.answer.set_result(answer)
