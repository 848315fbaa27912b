"""An in-memory change log, tail and directory, which a test advances step by step."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from app.domain.changes import Change, ChangeKind
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.pages import HistoryPage
from app.service.hub import Hub

RED, BLUE = TeamId("red"), TeamId("blue")
SUE = UserId("sue")
SOME_TIME = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

Seam = Callable[[], Awaitable[None]]


class FakeLog:
    """The part of `ChangeLog` that feeds use, with the changes that `record` added."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.after_read: Seam | None = None
        """Runs once, after the next read has taken its answer and before it gives it."""
        self.reads = 0
        self.hidden = 0
        """So many of the newest changes no read shows: what a primary just elected does."""

    @property
    def visible(self) -> list[Change]:
        """The changes that a read shows now."""
        return self.changes[: len(self.changes) - self.hidden]

    def record(self, team_id: TeamId = RED, **given: Any) -> Change:
        """The next version of a team, at the next position; by default a new name."""
        versions = [change.version for change in self.changes if change.team_id == team_id]
        values: dict[str, Any] = {
            "position": len(self.changes) + 1,
            "version": Version((versions[-1] if versions else 0) + 1),
            "kind": ChangeKind.TEAM_RENAMED,
            "at": SOME_TIME,
            "commit_time": CommitTime(len(self.changes) + 1),
        }
        change = Change(team_id=team_id, **{**values, **given})
        self.changes.append(change)
        return change

    async def changes_of_team(
        self,
        team_id: TeamId,
        *,
        after: Version | None,
        limit: int,
        up_to: Version | None = None,
        newest_first: bool = False,
    ) -> Sequence[Change]:
        assert up_to is None
        assert not newest_first
        return await self._read(
            lambda c: c.team_id == team_id and c.version > (after or 0), limit=limit
        )

    async def changes_after(self, position: int, *, limit: int) -> Sequence[Change]:
        return await self._read(lambda c: c.position > position, limit=limit)

    async def histories_of_teams(
        self, team_ids: Collection[TeamId], page: HistoryPage
    ) -> Mapping[TeamId, Sequence[Change]]:
        return {
            team_id: [change for change in self.visible if change.team_id == team_id][-page.size :]
            for team_id in team_ids
        }

    async def first_position(self) -> int:
        return self.changes[0].position if self.changes else 0

    async def last_position(self) -> int:
        return self.visible[-1].position if self.visible else 0

    async def catch_up(self) -> None:
        """See `ChangeLog`: from now on it hides nothing."""
        self.hidden = 0

    async def _read(self, wanted: Callable[[Change], bool], *, limit: int) -> Sequence[Change]:
        self.reads += 1
        found = [change for change in self.visible if wanted(change)][:limit]
        seam, self.after_read = self.after_read, None
        if seam is not None:
            await seam()
        return found


class FakeTail:
    """A `ChangeTail` of the batches that a test pushes."""

    def __init__(self) -> None:
        self._batches: asyncio.Queue[Sequence[Change]] = asyncio.Queue()

    async def push(self, *changes: Change) -> None:
        """Hands out a batch; returns when the hub has distributed it."""
        self._batches.put_nowait(changes)
        await self._batches.join()

    async def follow(self) -> AsyncIterator[Sequence[Change]]:
        yield []
        while True:
            yield await self._batches.get()
            self._batches.task_done()


class FakeDirectory:
    """The part of `TeamDirectory` that feeds use: the newest version, the user's team."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self.team_of_user: tuple[TeamId | None, CommitTime] = (None, CommitTime(0))
        self.team_of_user_before: tuple[TeamId | None, CommitTime] = self.team_of_user

    async def find_version(self, team_id: TeamId) -> Version | None:
        versions = [change.version for change in self._log.visible if change.team_id == team_id]
        return versions[-1] if versions else None

    async def find_team_id_of(self, user_id: UserId) -> tuple[TeamId | None, CommitTime]:
        del user_id
        return self.team_of_user_before if self._log.hidden else self.team_of_user


@asynccontextmanager
async def following(hub: Hub, tail: FakeTail) -> AsyncIterator[None]:
    """Inside the context, the hub distributes the batches of the tail."""
    running = asyncio.create_task(hub.run(tail))
    try:
        await hub.until_following()
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def all_has_gone_on() -> None:
    """Returns once every runnable task has run."""
    for _ in range(50):
        await asyncio.sleep(0)


async def take(feed: AsyncIterator[Any], count: int) -> list[Any]:
    """The next `count` items of a feed. *Raises*: `TimeoutError` if they do not come in time."""
    async with asyncio.timeout(5):
        return [await anext(feed) for _ in range(count)]


async def is_quiet(feed: AsyncIterator[Any]) -> bool:
    """True if a feed has nothing to deliver once every runnable task has run.

    It ends the feed.
    """
    waiting = asyncio.ensure_future(anext(feed))
    await all_has_gone_on()
    quiet = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return quiet
