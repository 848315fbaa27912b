"""Hands the changes of the one tail to this server's subscribers, and waits for none of them."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from app.domain.changes import Change, ChangeKind
from app.domain.ids import CommitTime, TeamId, UserId
from app.service.ports import ChangeTail

# A subscriber that is so many changes behind is cut off; it can resume after the last it has seen.
BUFFERED_CHANGES = 1_000

# These can change a user's team without naming the user.
_CONCERNS_ALL_USERS = frozenset(
    {ChangeKind.TEAM_DELETED, ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP}
)


@dataclass(frozen=True, slots=True)
class Topic:
    """What a subscriber listens to: a team, a user, or, with neither, everything."""

    team_id: TeamId | None = None
    user_id: UserId | None = None


EVERYTHING = Topic()


class HubObserver(Protocol):
    """Told of what a hub does, while it does it: it must neither wait nor fail."""

    def subscribed(self, topic: Topic) -> None:
        """A subscriber receives from now on."""

    def unsubscribed(self, topic: Topic) -> None:
        """A subscriber receives no more."""

    def cut_off(self, topic: Topic) -> None:
        """A subscriber was too slow. It has been told of as unsubscribed too."""

    def told(self, change: Change) -> None:
        """A change has been given to all who listen to it."""


class SubscriberTooSlow(Exception):
    """The subscriber's buffer was full: it has been cut off, and should resume."""


class Subscriber:
    """One listener's bounded buffer. Entered, it receives; left, it is forgotten."""

    def __init__(self, hub: "Hub", topic: Topic) -> None:
        self._hub = hub
        self.topic = topic
        self._buffer: deque[Change] = deque()
        self._news = asyncio.Event()
        self._too_slow = False

    def __enter__(self) -> Self:
        """From now on it receives."""
        self._hub.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Forgets it."""
        self._hub.remove(self)

    def offer(self, change: Change) -> None:
        """Buffers a change, or cuts the subscriber off; never waits."""
        if len(self._buffer) >= BUFFERED_CHANGES:
            self._too_slow = True
            self._buffer.clear()
            self._hub.remove(self)
            self._hub.cut_off(self)
        else:
            self._buffer.append(change)
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Its changes, in order. *Raises*: `SubscriberTooSlow`."""
        while True:
            while self._buffer:
                yield self._buffer.popleft()
            if self._too_slow:
                raise SubscriberTooSlow
            self._news.clear()
            await self._news.wait()


class Hub:
    """This server's subscribers, by what they listen to.

    `told_at` is the latest commit among the changes told so far.
    """

    def __init__(self, observer: HubObserver | None = None) -> None:
        self._observer = observer
        self._subscribers: dict[Topic, set[Subscriber]] = defaultdict(set)
        self._following = asyncio.Event()
        self.told_at = CommitTime(0)

    async def run(self, tail: ChangeTail) -> None:
        """Distributes for as long as it runs. One task owns and cancels it."""
        async for changes in tail.follow():
            self._following.set()
            for change in changes:
                self.told_at = max(self.told_at, change.commit_time or self.told_at)
                for subscriber in list(self._listening_to(change)):
                    subscriber.offer(change)
                if self._observer is not None:
                    self._observer.told(change)

    async def is_following(self) -> None:
        """Returns once the tail is there: what is recorded from then on reaches a subscriber."""
        await self._following.wait()

    def subscriber(self, topic: Topic) -> Subscriber:
        """A listener, which receives while it is entered."""
        return Subscriber(self, topic)

    def add(self, subscriber: Subscriber) -> None:
        """Lets it receive."""
        self._subscribers[subscriber.topic].add(subscriber)
        if self._observer is not None:
            self._observer.subscribed(subscriber.topic)

    def remove(self, subscriber: Subscriber) -> None:
        """Lets it receive no more; removing it twice changes nothing."""
        listeners = self._subscribers.get(subscriber.topic, set())
        if self._observer is not None and subscriber in listeners:
            self._observer.unsubscribed(subscriber.topic)
        listeners.discard(subscriber)
        if not listeners:
            self._subscribers.pop(subscriber.topic, None)

    def cut_off(self, subscriber: Subscriber) -> None:
        """Notes that a subscriber was too slow."""
        if self._observer is not None:
            self._observer.cut_off(subscriber.topic)

    def _listening_to(self, change: Change) -> Iterator[Subscriber]:
        yield from self._subscribers.get(Topic(team_id=change.team_id), ())
        yield from self._subscribers.get(EVERYTHING, ())
        if change.user_id is not None:
            yield from self._subscribers.get(Topic(user_id=change.user_id), ())
        elif change.kind in _CONCERNS_ALL_USERS:
            for topic, subscribers in self._subscribers.items():
                if topic.user_id is not None:
                    yield from subscribers
