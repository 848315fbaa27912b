"""Reads that lag behind the hub: no change is left out, and no feed is refused."""

import asyncio

import pytest

from app.domain.problems import InvalidInput
from app.service.feeds import CursorExpired, open_feed_of_all_teams
from tests.harness.fake_feeds import BLUE, RED, all_has_gone_on, is_quiet, take
from tests.unit.feeds.world import World


async def test_a_stale_read_is_completed_with_changes_the_hub_has_sent(
    world: World,
) -> None:
    for _ in range(5):
        await world.happen()
    world.log.hidden = 2

    feed = await world.team_feed(after=2)
    shown = asyncio.create_task(take(feed, 4))
    await all_has_gone_on()
    await world.tail.push(world.log.record())

    assert [change.version for change in await shown] == [3, 4, 5, 6]
    assert await is_quiet(feed)


async def test_a_feed_of_all_teams_completes_a_stale_read(
    world: World,
) -> None:
    for team_id in (RED, BLUE, RED, BLUE):
        await world.happen(team_id)
    world.log.hidden = 2
    feed = await open_feed_of_all_teams(world.log, world.hub, after_position=1)
    assert not isinstance(feed, InvalidInput | CursorExpired)

    shown = asyncio.create_task(take(feed, 4))
    await all_has_gone_on()
    await world.tail.push(world.log.record(RED))

    assert [change.position for change in await shown] == [2, 3, 4, 5]


@pytest.mark.parametrize("after", [5, None])
async def test_a_version_is_not_refused_by_a_read_that_lags_behind(
    after: int | None, world: World
) -> None:
    for _ in range(5):
        await world.happen()
    world.log.hidden = 5 if after is None else 1

    feed = await world.team_feed(after)
    await world.happen()

    assert [change.version for change in await take(feed, 1)] == [6]


async def test_a_position_is_not_refused_by_a_read_that_lags_behind(world: World) -> None:
    for _ in range(3):
        await world.happen()
    world.log.hidden = 1

    feed = await open_feed_of_all_teams(world.log, world.hub, after_position=3)

    assert not isinstance(feed, InvalidInput | CursorExpired)
