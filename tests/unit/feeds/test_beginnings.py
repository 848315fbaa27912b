"""Where a feed can begin, and what is answered where it can't."""

import asyncio

import pytest

from app.domain.changes import ChangeKind
from app.domain.ids import Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.service.feeds import CursorExpired, open_feed_of_all_teams
from tests.harness.fake_feeds import BLUE, take
from tests.unit.feeds.world import World


@pytest.mark.parametrize("after", [-1, 2, 1_000])
async def test_a_version_that_the_team_has_not_reached_is_refused(after: int, world: World) -> None:
    await world.happen()

    refused = await world.try_team_feed(after)

    assert isinstance(refused, InvalidInput)
    assert refused.field == "afterVersion"


async def test_a_team_that_never_was_is_not_found(world: World) -> None:
    assert isinstance(await world.try_team_feed(None, BLUE), TeamNotFound)


async def test_a_position_from_before_the_log_begins_has_expired(world: World) -> None:
    for _ in range(5):
        await world.happen()
    del world.log.changes[:3]

    expired = await open_feed_of_all_teams(world.log, world.hub, after_position=2)
    at_the_edge = await open_feed_of_all_teams(world.log, world.hub, after_position=3)

    assert isinstance(expired, CursorExpired)
    assert not isinstance(at_the_edge, InvalidInput | CursorExpired)
    assert [change.position for change in await take(at_the_edge, 2)] == [4, 5]


async def test_a_position_that_the_log_has_not_reached_is_refused(world: World) -> None:
    await world.happen()

    refused = await open_feed_of_all_teams(world.log, world.hub, after_position=2)

    assert isinstance(refused, InvalidInput)
    assert refused.field == "after"


async def test_a_version_from_before_the_log_begins_has_expired(world: World) -> None:
    for _ in range(5):
        await world.happen()
    del world.log.changes[:3]

    expired = await world.try_team_feed(2)
    at_the_edge = await world.team_feed(3)

    assert isinstance(expired, CursorExpired)
    assert [change.version for change in await take(at_the_edge, 2)] == [4, 5]


async def test_a_version_inside_a_recorded_gap_is_replayed_from_the_gap_on(world: World) -> None:
    await world.happen()
    await world.happen(version=Version(6), from_version=Version(2), kind=ChangeKind.HISTORY_GAP)
    await world.happen()

    feed = await world.team_feed(after=3)

    assert [change.version for change in await take(feed, 2)] == [6, 7]


async def test_without_a_version_a_feed_begins_after_the_present_one(world: World) -> None:
    for _ in range(3):
        await world.happen()

    feed = await world.team_feed(after=None)
    await world.happen()

    assert [change.version for change in await take(feed, 1)] == [4]


@pytest.mark.parametrize("after", [2, None])
async def test_a_feed_whose_deletion_has_been_shown_ends_at_once(
    after: int | None, world: World
) -> None:
    await world.happen()
    await world.happen(kind=ChangeKind.TEAM_DELETED)

    feed = await world.team_feed(after=after)

    async with asyncio.timeout(5):
        assert [change async for change in feed] == []
