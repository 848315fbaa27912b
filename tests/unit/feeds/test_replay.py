"""A feed delivers the replay, then live changes, each once."""

import asyncio

import pytest

from app.domain.faults import HistoryIncomplete
from app.domain.problems import InvalidInput
from app.service import hub as hub_module
from app.service.feeds import CursorExpired, open_feed_of_all_teams
from tests.harness.fake_feeds import BLUE, RED, all_has_gone_on, is_quiet, take
from tests.unit.feeds.world import REPLAY, World


@pytest.mark.parametrize("recorded", range(2 * REPLAY + 2))
@pytest.mark.parametrize("at_read", range(1, 5))
async def test_a_change_at_the_seam_is_shown_once_whichever_read_it_follows(
    recorded: int, at_read: int, world: World
) -> None:
    """Between any read of the log and its answer a change is recorded and distributed."""
    for _ in range(recorded + 1):
        await world.happen()
    feed = await world.team_feed(after=1)

    async def happen() -> None:
        if world.log.reads < opened_at + at_read:
            world.log.after_read = happen
        else:
            await world.happen()

    opened_at = world.log.reads
    world.log.after_read = happen
    shown = asyncio.create_task(take(feed, recorded + 2))
    await all_has_gone_on()
    for _ in range(recorded + 3 - len(world.log.changes)):
        await world.happen()

    assert [change.version for change in await shown] == list(range(2, recorded + 4))
    assert await is_quiet(feed)


async def test_a_replay_longer_than_the_buffer_drops_no_subscriber(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BUFFERED_CHANGES", 2)
    for _ in range(4 * REPLAY):
        await world.happen()
    feed = await world.team_feed(after=0)
    (first,) = await take(feed, 1)
    for _ in range(10):
        await world.happen()

    rest = await take(feed, 4 * REPLAY + 9)

    assert [first, *rest] == world.log.changes


async def test_all_teams_changes_go_on_after_a_position(world: World) -> None:
    for team_id in (RED, BLUE, RED, BLUE, RED):
        await world.happen(team_id)
    feed = await open_feed_of_all_teams(world.log, world.hub, after_position=2)
    assert not isinstance(feed, InvalidInput | CursorExpired)

    shown = asyncio.create_task(take(feed, 4))
    await all_has_gone_on()
    await world.happen(BLUE)

    assert [change.position for change in await shown] == [3, 4, 5, 6]


async def test_a_change_that_is_lost_from_the_log_ends_the_feed(world: World) -> None:
    for _ in range(3):
        await world.happen()
    feed = await world.team_feed(after=3)
    reading = asyncio.create_task(take(feed, 1))
    await all_has_gone_on()
    world.log.record()
    last = world.log.record()
    del world.log.changes[3]

    await world.tail.push(last)

    with pytest.raises(HistoryIncomplete):
        await reading
