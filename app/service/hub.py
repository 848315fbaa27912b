"""Fan-out of change-log entries to this process's subscribers, without blocking on slow ones."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from app.domain.changes import Change, ChangeKind
from app.domain.ids import CommitTime, TeamId, UserId
from app.service.ports import ChangeTail

# A subscriber whose buffer exceeds this is disconnected; it can resume after its last change.
BUFFERED_CHANGES = 1_000

# After this many subscribers, each of which sends the change, other tasks of the event loop run:
# every 16 ms, and not after the 0.3 s that 10,000 subscribers take.
OFFERED_AT_ONCE = 500

# Kinds that can change a user's team without naming the user.
_CONCERNS_ALL_USERS = frozenset(
    {ChangeKind.TEAM_DELETED, ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP}
)


@dataclass(frozen=True, slots=True)
class Topic:
    """The changes of one team, or of one user; with neither, all changes."""

    team_id: TeamId | None = None
    user_id: UserId | None = None


EVERYTHING = Topic()


class HubObserver(Protocol):
    """Callbacks of a hub, called synchronously. They must neither block nor raise."""

    def subscribed(self, topic: Topic) -> None:
        """A subscriber was added."""

    def unsubscribed(self, topic: Topic) -> None:
        """A subscriber was removed."""

    def cut_off(self, topic: Topic) -> None:
        """A subscriber was too slow. Called after `unsubscribed`."""

    def delivered(self, change: Change) -> None:
        """A change was put into the buffers of all its subscribers."""


class SubscriberTooSlow(Exception):
    """The subscriber's buffer was full, and the subscriber was removed. It should resume."""


class Subscriber:
    """One subscriber's bounded buffer. It receives changes while the context is entered."""

    def __init__(self, hub: "Hub", topic: Topic) -> None:
        self._hub = hub
        self.topic = topic
        # Not an `asyncio.Event` and a deque, which take 1.5 KB while they are empty.
        self._buffer: list[Change] = []
        self._news: asyncio.Future[None] | None = None
        self._too_slow = False

    def __enter__(self) -> Self:
        """Add it to the hub."""
        self._hub.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove it from the hub."""
        self._hub.remove(self)

    def offer(self, change: Change) -> None:
        """Buffer a change, or remove the subscriber if its buffer is full; never blocks."""
        if len(self._buffer) >= BUFFERED_CHANGES:
            self._too_slow = True
            self._buffer.clear()
            self._hub.remove(self)
            self._hub.cut_off(self)
        else:
            self._buffer.append(change)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def __aiter__(self) -> Self:
        """Its changes, in order, for one reader."""
        return self

    async def __anext__(self) -> Change:
        """The next change. *Raises*: `SubscriberTooSlow`."""
        while not self._buffer:
            if self._too_slow:
                raise SubscriberTooSlow
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return self._buffer.pop(0)


class Hub:
    """The subscribers of this process, by topic.

    `delivered_at` is the latest commit time among the changes delivered so far.
    """

    def __init__(self, observer: HubObserver | None = None) -> None:
        self._observer = observer
        self._subscribers: dict[Topic, set[Subscriber]] = defaultdict(set)
        self._following = asyncio.Event()
        self.delivered_at = CommitTime(0)

    async def run(self, tail: ChangeTail) -> None:
        """Deliver the tail's changes until cancelled. One task owns and cancels it."""
        async for changes in tail.follow():
            self._following.set()
            for change in changes:
                self.delivered_at = max(self.delivered_at, change.commit_time or self.delivered_at)
                for number, subscriber in enumerate(list(self._subscribers_to(change)), 1):
                    subscriber.offer(change)
                    if number % OFFERED_AT_ONCE == 0:
                        await asyncio.sleep(0)
                if self._observer is not None:
                    self._observer.delivered(change)

    async def until_following(self) -> None:
        """Wait until the tail is open: changes recorded from then on reach subscribers."""
        await self._following.wait()

    def subscriber(self, topic: Topic) -> Subscriber:
        """A subscriber, which receives changes while its context is entered."""
        return Subscriber(self, topic)

    def add(self, subscriber: Subscriber) -> None:
        """Add a subscriber."""
        self._subscribers[subscriber.topic].add(subscriber)
        if self._observer is not None:
            self._observer.subscribed(subscriber.topic)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber; removing it twice changes nothing."""
        listeners = self._subscribers.get(subscriber.topic, set())
        if self._observer is not None and subscriber in listeners:
            self._observer.unsubscribed(subscriber.topic)
        listeners.discard(subscriber)
        if not listeners:
            self._subscribers.pop(subscriber.topic, None)

    def cut_off(self, subscriber: Subscriber) -> None:
        """Report a subscriber that was too slow."""
        if self._observer is not None:
            self._observer.cut_off(subscriber.topic)

    def _subscribers_to(self, change: Change) -> Iterator[Subscriber]:
        yield from self._subscribers.get(Topic(team_id=change.team_id), ())
        yield from self._subscribers.get(EVERYTHING, ())
        if change.user_id is not None:
            yield from self._subscribers.get(Topic(user_id=change.user_id), ())
        elif change.kind in _CONCERNS_ALL_USERS:
            for topic, subscribers in self._subscribers.items():
                if topic.user_id is not None:
                    yield from subscribers
