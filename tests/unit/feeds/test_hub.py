import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from app.domain.changes import Change, ChangeKind
from app.domain.ids import UserId
from app.service import hub as hub_module
from app.service.hub import EVERYTHING, Hub, Subscriber, SubscriberTooSlow, Topic
from tests.harness.fake_feeds import BLUE, RED, SUE, FakeLog, FakeTail, following, take

BUFFERED = 5


@pytest.fixture
def tail() -> FakeTail:
    return FakeTail()


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
async def hub(tail: FakeTail, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub_module, "BUFFERED_CHANGES", BUFFERED)
    hub = Hub()
    async with following(hub, tail):
        yield hub


class Watcher:
    """A `HubObserver` that records its calls."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Topic | int]] = []

    def subscribed(self, topic: Topic) -> None:
        self.seen.append(("subscribed", topic))

    def unsubscribed(self, topic: Topic) -> None:
        self.seen.append(("unsubscribed", topic))

    def cut_off(self, topic: Topic) -> None:
        self.seen.append(("cut off", topic))

    def delivered(self, change: Change) -> None:
        self.seen.append(("told", change.position))


async def _shown(subscriber: Subscriber, count: int) -> list[Change]:
    return await take(aiter(subscriber), count)


async def test_a_subscriber_receives_its_teams_changes_in_order_and_no_others(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    first, other, second = log.record(RED), log.record(BLUE), log.record(RED)
    with hub.subscriber(Topic(team_id=RED)) as of_red, hub.subscriber(EVERYTHING) as of_all:
        await tail.push(first, other, second)

        assert await _shown(of_red, 2) == [first, second]
        assert await _shown(of_all, 3) == [first, other, second]


async def test_a_user_receives_what_can_change_the_users_team(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    concerns = [
        log.record(kind=ChangeKind.USER_JOINED_TEAM, user_id=SUE),
        log.record(kind=ChangeKind.TEAM_DELETED),
        log.record(kind=ChangeKind.FOREIGN_CHANGE),
        log.record(kind=ChangeKind.HISTORY_GAP),
    ]
    does_not = [
        log.record(kind=ChangeKind.USER_JOINED_TEAM, user_id=UserId("joe")),
        log.record(kind=ChangeKind.TEAM_RENAMED),
    ]
    last = log.record(kind=ChangeKind.USER_LEFT_TEAM, user_id=SUE)
    with hub.subscriber(Topic(user_id=SUE)) as of_sue:
        await tail.push(*concerns[:2], *does_not, *concerns[2:])
        await tail.push(last)

        assert await _shown(of_sue, 5) == [*concerns, last]


async def test_a_slow_subscriber_is_dropped_and_the_others_receive_everything(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    topic = Topic(team_id=RED)
    with hub.subscriber(topic) as slow, hub.subscriber(topic) as quick:
        quick_changes, seen = aiter(quick), []
        for _ in range(3 * BUFFERED):
            await tail.push(log.record())
            seen += await take(quick_changes, 1)

        with pytest.raises(SubscriberTooSlow):
            await _shown(slow, 1)

    assert seen == log.changes


async def test_a_subscriber_may_fill_its_buffer_to_the_last_place(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    with hub.subscriber(EVERYTHING) as subscriber:
        await tail.push(*(log.record() for _ in range(BUFFERED)))

        assert await _shown(subscriber, BUFFERED) == log.changes


async def test_cutting_one_off_within_a_batch_leaves_no_other_out(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    with hub.subscriber(EVERYTHING) as slow, hub.subscriber(EVERYTHING) as newcomer:
        await tail.push(*(log.record() for _ in range(BUFFERED)))
        before = await _shown(newcomer, BUFFERED)
        await tail.push(log.record(), log.record())
        after = await _shown(newcomer, 2)

        with pytest.raises(SubscriberTooSlow):
            await _shown(slow, 1)

    assert [*before, *after] == log.changes


async def test_a_closed_subscriber_receives_nothing_and_is_forgotten(
    hub: Hub, tail: FakeTail, log: FakeLog
) -> None:
    topic = Topic(team_id=RED)
    with hub.subscriber(topic) as gone:
        pass

    await tail.push(log.record())

    assert not gone._buffer
    assert topic not in hub._subscribers


async def test_an_observer_sees_each_subscriber_come_and_go_once_and_each_change(
    tail: FakeTail, log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BUFFERED_CHANGES", 1)
    watcher, topic = Watcher(), Topic(team_id=RED)
    hub = Hub(watcher)
    running = asyncio.create_task(hub.run(tail))
    await hub.until_following()

    with hub.subscriber(topic):
        await tail.push(log.record(), log.record())
    running.cancel()

    assert watcher.seen == [
        ("subscribed", topic),
        ("told", 1),
        ("unsubscribed", topic),
        ("cut off", topic),
        ("told", 2),
    ]


async def test_a_change_to_many_subscribers_gives_other_work_its_turns(
    hub: Hub, tail: FakeTail, log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "OFFERED_AT_ONCE", 2)
    change = log.record(RED)
    seen: list[int] = []

    async def count(subscriber: Subscriber) -> None:
        await anext(subscriber)
        seen.append(sum(bool(each._buffer) for each in subscribers))

    with ExitStack() as stack:
        subscribers = [stack.enter_context(hub.subscriber(Topic(team_id=RED))) for _ in range(6)]
        waiting = [asyncio.create_task(count(each)) for each in subscribers]
        await asyncio.sleep(0)
        await tail.push(change)
        async with asyncio.timeout(10):
            await asyncio.gather(*waiting)

    assert max(seen) < 2
