import asyncio
from collections.abc import AsyncIterator

import pytest

from app.domain.changes import Change, ChangeKind
from app.domain.faults import HistoryIncomplete
from app.domain.ids import TeamId, Version
from app.domain.problems import InvalidInput, TeamNotFound
from app.service import feeds as feeds_module
from app.service import hub as hub_module
from app.service.feeds import CursorExpired, open_feed_of_all_teams, open_team_feed
from app.service.hub import Hub, SubscriberTooSlow
from tests.harness.fake_feeds import BLUE, RED, FakeDirectory, FakeLog, FakeTail, is_quiet, take

REPLAY = 3


class World:
    """A hub that follows a log, and the feeds on them."""

    def __init__(self) -> None:
        self.log, self.tail, self.hub = FakeLog(), FakeTail(), Hub()
        self.directory = FakeDirectory(self.log)

    async def happen(self, team_id: TeamId = RED, **given: object) -> Change:
        """A change that is recorded and distributed."""
        change = self.log.record(team_id, **given)
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


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(feeds_module, "REPLAY_SIZE", REPLAY)
    world = World()
    running = asyncio.create_task(world.hub.run(world.tail))
    await world.hub.is_following()
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


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
    for _ in range(50):
        await asyncio.sleep(0)
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
    for _ in range(20):
        await asyncio.sleep(0)
    await world.tail.push(change)
    await world.happen()

    assert [first.version, *(c.version for c in await shown)] == [1, 2, 3]


async def test_a_replay_longer_than_the_buffer_cuts_nobody_off(
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


async def test_who_reads_too_slowly_is_told_so(
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


async def test_without_a_version_a_feed_begins_after_the_present_one(world: World) -> None:
    for _ in range(3):
        await world.happen()

    feed = await world.team_feed(after=None)
    await world.happen()

    assert [change.version for change in await take(feed, 1)] == [4]


async def test_a_feed_ends_with_the_deletion(world: World) -> None:
    await world.happen()
    feed = await world.team_feed(after=0)
    await world.happen(kind=ChangeKind.TEAM_DELETED)

    shown = [change.kind async for change in feed]

    assert shown == [ChangeKind.TEAM_RENAMED, ChangeKind.TEAM_DELETED]


@pytest.mark.parametrize("after", [2, None])
async def test_a_feed_whose_deletion_has_been_shown_ends_at_once(
    after: int | None, world: World
) -> None:
    await world.happen()
    await world.happen(kind=ChangeKind.TEAM_DELETED)

    feed = await world.team_feed(after=after)

    async with asyncio.timeout(5):
        assert [change async for change in feed] == []


@pytest.mark.parametrize("after", [-1, 2, 1_000])
async def test_a_version_that_the_team_has_not_reached_is_refused(after: int, world: World) -> None:
    await world.happen()

    refused = await world.try_team_feed(after)

    assert isinstance(refused, InvalidInput)
    assert refused.field == "afterVersion"


async def test_a_team_that_never_was_is_not_found(world: World) -> None:
    assert isinstance(await world.try_team_feed(None, BLUE), TeamNotFound)


async def test_all_teams_changes_go_on_after_a_position(world: World) -> None:
    for team_id in (RED, BLUE, RED, BLUE, RED):
        await world.happen(team_id)
    feed = await open_feed_of_all_teams(world.log, world.hub, after_position=2)
    assert not isinstance(feed, InvalidInput | CursorExpired)

    shown = asyncio.create_task(take(feed, 4))
    for _ in range(20):
        await asyncio.sleep(0)
    await world.happen(BLUE)

    assert [change.position for change in await shown] == [3, 4, 5, 6]


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


async def test_what_the_hub_told_before_is_filled_in_after_a_read_that_lags_behind(
    world: World,
) -> None:
    for _ in range(5):
        await world.happen()
    world.log.hidden = 2

    feed = await world.team_feed(after=2)
    shown = asyncio.create_task(take(feed, 4))
    for _ in range(20):
        await asyncio.sleep(0)
    await world.tail.push(world.log.record())

    assert [change.version for change in await shown] == [3, 4, 5, 6]
    assert await is_quiet(feed)


async def test_a_feed_of_all_teams_fills_in_what_a_read_that_lags_behind_did_not_show(
    world: World,
) -> None:
    for team_id in (RED, BLUE, RED, BLUE):
        await world.happen(team_id)
    world.log.hidden = 2
    feed = await open_feed_of_all_teams(world.log, world.hub, after_position=1)
    assert not isinstance(feed, InvalidInput | CursorExpired)

    shown = asyncio.create_task(take(feed, 4))
    for _ in range(20):
        await asyncio.sleep(0)
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


async def test_a_change_that_nobody_can_tell_any_more_ends_the_feed(world: World) -> None:
    for _ in range(3):
        await world.happen()
    feed = await world.team_feed(after=3)
    reading = asyncio.create_task(take(feed, 1))
    for _ in range(20):
        await asyncio.sleep(0)
    world.log.record()
    last = world.log.record()
    del world.log.changes[3]

    await world.tail.push(last)

    with pytest.raises(HistoryIncomplete):
        await reading
