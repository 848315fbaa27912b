"""A hub, a log and a tail, which a test drives."""

from collections.abc import AsyncIterator
from typing import Any

from app.domain.changes import Change
from app.domain.ids import TeamId, Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.service.feeds import CursorExpired, open_team_feed
from app.service.hub import Hub
from tests.harness.fake_feeds import RED, FakeDirectory, FakeLog, FakeTail

REPLAY = 3


class World:
    """A hub that follows a log, and the feeds on them."""

    def __init__(self) -> None:
        self.log: Any = FakeLog()
        self.tail, self.hub = FakeTail(), Hub()
        self.directory: Any = FakeDirectory(self.log)

    async def happen(self, team_id: TeamId = RED, **given: object) -> Change:
        change: Change = self.log.record(team_id, **given)
        await self.tail.push(change)
        return change

    async def team_feed(self, after: int | None, team_id: TeamId = RED) -> AsyncIterator[Change]:
        """A team's feed, which must open."""
        feed = await self.try_team_feed(after, team_id)
        assert not isinstance(feed, InvalidInput | TeamNotFound | CursorExpired)
        return feed

    async def try_team_feed(
        self, after: int | None, team_id: TeamId = RED
    ) -> AsyncIterator[Change] | InvalidInput | TeamNotFound | CursorExpired:
        """A team's feed, or why there is none."""
        return await open_team_feed(
            self.log,
            self.directory,
            self.hub,
            team_id=team_id,
            after_version=None if after is None else Version(after),
        )
