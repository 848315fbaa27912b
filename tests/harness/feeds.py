"""Teams under load through several servers, with subscribers whose sequences can be checked."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx

from app.storage.client import Client as MongoClient
from tests.harness.client import Client, ServerError
from tests.harness.recording import ChangeLogReader
from tests.harness.servers import Server
from tests.harness.subscriber import Subscriber
from tests.harness.waiting import eventually

CLIENTS = 8
USERS = 60
CAPACITY = 40
MOST_SECONDS_BETWEEN_DROPS = 0.05
# A lease that nobody gave back, an election and a restart may lie before the last change.
END_SECONDS = 40


class FeedsUnderLoad:
    """What goes on between `going_on` being entered and `end`."""

    def __init__(
        self, mongodb: MongoClient, database: str, servers: Sequence[Server], team_ids: list[str]
    ) -> None:
        self._mongodb = mongodb[database]
        self._log = ChangeLogReader(mongodb, database)
        self._servers = servers
        self._stopped = False
        self._answers = 0
        self._working: list[asyncio.Task[None]] = []
        self._following: list[asyncio.Task[None]] = []
        self.team_ids = team_ids
        self.subscribers: list[Subscriber] = []

    def follow(self, urls: list[str], number: int) -> Subscriber:
        """Starts a subscriber to one of the teams, whose connections take turns on the URLs."""
        subscriber = Subscriber(urls, self.team_ids[number % len(self.team_ids)])
        self.subscribers.append(subscriber)
        self._following.append(asyncio.create_task(subscriber.follow()))
        return subscriber

    async def after_more_answers(self, count: int) -> None:
        """Returns when so many more mutations have been answered."""
        target = self._answers + count

        async def is_reached() -> bool:
            return self._answers >= target

        await eventually(is_reached, timeout_seconds=END_SECONDS)

    async def end(self) -> list[str]:
        """Ends the load, waits until everyone has seen everything; what is wrong with it."""
        self._stopped = True
        await asyncio.gather(*self._working)
        versions = await self.versions()

        async def has_arrived() -> bool:
            return all(last_of(s) >= versions[s.team_id] for s in self.subscribers)

        await eventually(has_arrived, timeout_seconds=END_SECONDS)
        return await self._faults(versions)

    async def _faults(self, versions: dict[str, int]) -> list[str]:
        faults = await self._log.faults()
        entries = await self._log.entries()
        if len(entries) != sum(versions.values()):
            faults.append(f"{len(entries)} entries stand for {sum(versions.values())} versions")
        if untold := [e for e in entries if e["kind"] in ("HistoryGap", "ForeignChange")]:
            faults.append(f"not told: {untold}")
        for number, subscriber in enumerate(self.subscribers):
            faults += [f"subscriber {number} was told {error}" for error in subscriber.errors]
            expected = list(range(1, versions[subscriber.team_id] + 1))
            if subscriber.versions != expected:
                step = next(
                    (
                        i
                        for i, (a, b) in enumerate(zip(subscriber.versions, expected, strict=False))
                        if a != b
                    ),
                    len(expected),
                )
                seen = subscriber.versions[max(step - 2, 0) : step + 4]
                faults.append(f"subscriber {number} saw {seen} around version {step + 1}")
        return faults

    async def versions(self) -> dict[str, int]:
        teams = await self._mongodb["teams"].find({}, {"version": 1}).to_list(None)
        return {str(team["_id"]): team["version"] for team in teams}

    async def begin(self) -> None:
        self._working = [asyncio.create_task(self._work(number)) for number in range(CLIENTS)]

    async def leave(self) -> None:
        """Ends everything, in whatever state it is."""
        self._stopped = True
        for task in (*self._working, *self._following):
            task.cancel()
        await asyncio.gather(*self._working, *self._following, return_exceptions=True)

    async def _work(self, number: int) -> None:
        chance = random.Random(number)
        async with Client(self._servers[number % len(self._servers)].url) as through:
            while not self._stopped:
                try:
                    await self._mutate(chance, through)
                    self._answers += 1
                except (httpx.TransportError, ServerError):
                    await asyncio.sleep(chance.uniform(0, 0.05))  # something is being restarted

    async def _mutate(self, chance: random.Random, through: Client) -> None:
        mutation = chance.choice(("addUserToTeam", "removeUserFromTeam", "moveUserToTeam"))
        given: dict[str, Any] = {"userId": f"user-{chance.randrange(USERS)}"}
        given["toTeamId" if mutation == "moveUserToTeam" else "teamId"] = chance.choice(
            self.team_ids
        )
        if chance.random() < 0.3:
            given["requestId"] = uuid4().hex
        await through.mutate(mutation, **given)


def last_of(subscriber: Subscriber) -> int:
    """The version that it has seen last; 0 when none."""
    return subscriber.versions[-1] if subscriber.versions else 0


@asynccontextmanager
async def under_load(
    mongodb: MongoClient, database: str, servers: Sequence[Server], *, teams: int
) -> AsyncIterator[FeedsUnderLoad]:
    """New teams that are changed through all of the servers, until `end`."""
    async with Client(servers[0].url) as through:
        created = [await through.create_team(f"Team {i}", capacity=CAPACITY) for i in range(teams)]
    feeds = FeedsUnderLoad(mongodb, database, servers, [team["id"] for team in created])
    await feeds.begin()
    try:
        yield feeds
    finally:
        await feeds.leave()


async def drop_at_random(subscribers: Sequence[Subscriber]) -> None:
    """Cuts connections for as long as it runs."""
    chance = random.Random(1)
    while True:
        await asyncio.sleep(chance.uniform(0, MOST_SECONDS_BETWEEN_DROPS))
        chance.choice(subscribers).drop()
