from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.changes import ChangeKind
from app.domain.faults import DatabaseUnavailable
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.problems import InvalidInput
from app.service.feeds import open_user_team_feed
from app.service.hub import Hub
from tests.harness.fake_feeds import (
    BLUE,
    RED,
    SUE,
    FakeDirectory,
    FakeLog,
    FakeTail,
    following,
    is_quiet,
    take,
)

JOINED, LEFT = ChangeKind.USER_JOINED_TEAM, ChangeKind.USER_LEFT_TEAM


class World:
    """A user's feed, and what happens to the user."""

    def __init__(self) -> None:
        self.log: Any = FakeLog()
        self.tail, self.hub = FakeTail(), Hub()
        self.directory: Any = FakeDirectory(self.log)

    def stands(self, team_id: TeamId | None, *, at: int) -> None:
        """Set the user's team for all later reads."""
        self.directory.team_of_user = team_id, CommitTime(at)

    async def happen(
        self, kind: ChangeKind, team_id: TeamId, *, at: int | None, **given: Any
    ) -> None:
        """A change that is committed at a time, recorded and distributed."""
        commit_time = None if at is None else CommitTime(at)
        user_id = SUE if kind in (JOINED, LEFT) else None
        change = self.log.record(
            team_id, kind=kind, user_id=user_id, commit_time=commit_time, **given
        )
        await self.tail.push(change)

    async def feed(self) -> AsyncIterator[TeamId | None]:
        feed = await open_user_team_feed(self.log, self.directory, self.hub, user_id=SUE)
        assert not isinstance(feed, InvalidInput)
        return feed


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with following(world.hub, world.tail):
        yield world


async def test_the_present_is_shown_first_then_every_change(world: World) -> None:
    world.stands(None, at=5)
    feed = await world.feed()
    shown = await take(feed, 1)

    await world.happen(JOINED, RED, at=6)
    await world.happen(LEFT, RED, at=7)
    await world.happen(JOINED, BLUE, at=8)

    assert [*shown, *await take(feed, 3)] == [None, RED, None, BLUE]


async def test_changes_that_the_present_has_in_it_already_are_not_shown_after_it(
    world: World,
) -> None:
    """Sue joined Red, left it and joined Blue before she was read, and the tail tells it after."""
    world.stands(BLUE, at=8)
    feed = await world.feed()
    shown = await take(feed, 1)

    await world.happen(JOINED, RED, at=6)
    await world.happen(LEFT, RED, at=7)
    await world.happen(JOINED, BLUE, at=8)
    await world.happen(LEFT, BLUE, at=9)

    assert [*shown, *await take(feed, 1)] == [BLUE, None]
    assert await is_quiet(feed)


async def test_a_move_shows_no_moment_on_no_team(world: World) -> None:
    world.stands(RED, at=5)
    feed = await world.feed()
    shown = await take(feed, 1)

    await world.happen(LEFT, RED, at=6, other_team_id=BLUE)
    await world.happen(JOINED, BLUE, at=6, other_team_id=RED)
    await world.happen(LEFT, BLUE, at=7)

    assert [*shown, *await take(feed, 2)] == [RED, BLUE, None]


async def test_the_deletion_of_the_users_team_and_of_no_other_shows_no_team(world: World) -> None:
    world.stands(RED, at=5)
    feed = await world.feed()
    shown = await take(feed, 1)

    await world.happen(ChangeKind.TEAM_DELETED, BLUE, at=6)
    await world.happen(ChangeKind.TEAM_DELETED, RED, at=7)

    assert [*shown, *await take(feed, 1)] == [RED, None]
    assert await is_quiet(feed)


@pytest.mark.parametrize("kind", [ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP])
async def test_a_change_that_does_not_say_what_it_did_has_the_user_read_again(
    kind: ChangeKind, world: World
) -> None:
    world.stands(RED, at=5)
    feed = await world.feed()
    shown = await take(feed, 1)

    world.stands(BLUE, at=10)
    await world.happen(kind, RED, at=9 if kind is ChangeKind.FOREIGN_CHANGE else None)
    shown += await take(feed, 1)
    await world.happen(JOINED, RED, at=8)
    await world.happen(LEFT, BLUE, at=11)

    assert [*shown, *await take(feed, 1)] == [RED, BLUE, None]


async def test_a_malformed_user_id_is_refused(world: World) -> None:
    refused = await open_user_team_feed(
        world.log, world.directory, world.hub, user_id=UserId("a b")
    )

    assert isinstance(refused, InvalidInput)


async def test_a_state_older_than_the_hubs_last_change_is_read_again(world: World) -> None:
    """Sue's join is delivered before she subscribes, and the primary does not show it yet."""
    world.directory.team_of_user_before = None, CommitTime(5)
    await world.happen(JOINED, RED, at=6)
    world.stands(RED, at=6)
    world.log.hidden = 1

    feed = await world.feed()

    assert await take(feed, 1) == [RED]


async def test_what_a_change_does_not_tell_is_read_again_until_it_shows(world: World) -> None:
    """Somebody else's program puts Sue on Blue; a primary just elected does not show it yet."""
    world.stands(RED, at=5)
    feed = await world.feed()
    shown = await take(feed, 1)

    world.directory.team_of_user_before = RED, CommitTime(5)
    world.stands(BLUE, at=9)
    world.log.hidden = 1
    await world.happen(ChangeKind.FOREIGN_CHANGE, BLUE, at=9)

    assert [*shown, *await take(feed, 1)] == [RED, BLUE]


async def test_a_database_that_stays_behind_what_was_shown_ends_the_feed(world: World) -> None:
    """The database was restored to a time before the change that the hub has delivered."""
    world.stands(None, at=5)
    await world.happen(JOINED, RED, at=9)
    feed = await world.feed()

    with pytest.raises(DatabaseUnavailable):
        await take(feed, 1)
    world.stands(RED, at=9)
    assert await take(await world.feed(), 1) == [RED]
