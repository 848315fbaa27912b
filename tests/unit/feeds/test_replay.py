"""What a feed shows: what was replayed, then what happens, each change once."""

import asyncio

import pytest

from app.domain.changes import ChangeKind
from app.domain.faults import HistoryIncomplete
from app.domain.problems import InvalidInput
from app.service import hub as hub_module
from app.service.feeds import CursorExpired, open_feed_of_all_teams
from app.service.hub import SubscriberTooSlow
from tests.harness.fake_feeds import BLUE, RED, all_has_gone_on, is_quiet, take
from tests.unit.feeds.world import REPLAY, World


@pytest.mark.parametrize("recorded", [1, REPLAY - 1, REPLAY, REPLAY + 1, 2 * REPLAY])
async def test_everything_after_a_version_is_replayed_then_what_happens(
    recorded: int, world: World
) -> None:
    for _ in range(recorded + 1):
        await world.happen()

    feed = await world.team_feed(after=1)
    replayed = await take(feed, recorded)
    live = asyncio.create_task(take(feed, 1))
    await asyncio.sleep(0)
    await world.happen()

    assert [change.version for change in replayed] == list(range(2, recorded + 2))
    assert [change.version for change in await live] == [recorded + 2]


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


async def test_a_change_that_is_replayed_and_also_live_is_shown_once(world: World) -> None:
    await world.happen()
    feed = await world.team_feed(after=0)
    (first,) = await take(feed, 1)
    change = world.log.record()

    shown = asyncio.create_task(take(feed, 2))
    await all_has_gone_on()
    await world.tail.push(change)
    await world.happen()

    assert [first.version, *(c.version for c in await shown)] == [1, 2, 3]


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


async def test_a_slow_subscriber_gets_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BUFFERED_CHANGES", 2)
    await world.happen()
    feed = await world.team_feed(after=0)
    reading = asyncio.create_task(take(feed, 2))
    await asyncio.sleep(0)
    await world.happen()
    await reading
    for _ in range(3):
        await world.happen()

    with pytest.raises(SubscriberTooSlow):
        await take(feed, 3)


async def test_a_feed_ends_with_the_deletion(world: World) -> None:
    await world.happen()
    feed = await world.team_feed(after=0)
    await world.happen(kind=ChangeKind.TEAM_DELETED)

    shown = [change.kind async for change in feed]

    assert shown == [ChangeKind.TEAM_RENAMED, ChangeKind.TEAM_DELETED]


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
