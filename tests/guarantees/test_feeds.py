"""G6: every subscriber sees a team's changes in version order, without a gap or a repeat."""

import asyncio
import random
from typing import Any

import httpx
import pytest
from pymongo.errors import DuplicateKeyError

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import Client as MongoClient
from app.storage.indexes import CHANGE_INDEX_NAMES
from app.storage.safety import check_readiness
from tests.harness.client import Client, ServerError
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import Subscriber
from tests.harness.waiting import eventually

TEAMS = 6
SUBSCRIBERS = 60
CLIENTS = 16
USERS = 80


class Load:
    """Clients that add, remove, move and rename until they are told to stop."""

    def __init__(self, servers: list[Server], team_ids: list[str]) -> None:
        self._servers = servers
        self._team_ids = team_ids
        self.stopped = False
        self.answers = 0

    async def work(self, number: int) -> None:
        chance = random.Random(number)
        async with Client(self._servers[number % len(self._servers)].url) as through:
            while not self.stopped:
                given: dict[str, Any] = {"userId": f"user-{chance.randrange(USERS)}"}
                team_id = chance.choice(self._team_ids)
                mutation = chance.choice(("addUserToTeam", "removeUserFromTeam", "moveUserToTeam"))
                given["toTeamId" if mutation == "moveUserToTeam" else "teamId"] = team_id
                try:
                    await through.mutate(mutation, **given)
                    self.answers += 1
                except (httpx.TransportError, ServerError):
                    await asyncio.sleep(chance.uniform(0, 0.05))  # the server is being restarted

    async def after_more_answers(self, count: int) -> None:
        target = self.answers + count

        async def reached() -> bool:
            return self.answers >= target

        await eventually(reached, timeout_seconds=40)


async def _drop_at_random(subscribers: list[Subscriber]) -> None:
    chance = random.Random(1)
    while True:
        await asyncio.sleep(chance.uniform(0, 0.05))
        chance.choice(subscribers).drop()


@pytest.mark.parametrize("killing", [False, True])
async def test_60_subscribers_who_reconnect_see_each_version_once(
    mongodb_uri: str, client: MongoClient, empty_database: str, *, killing: bool
) -> None:
    async with running_servers(3, mongodb_uri, empty_database) as servers:
        async with Client(servers[0].url) as through:
            teams = [
                (await through.create_team(f"Team {i}", capacity=60))["id"] for i in range(TEAMS)
            ]
        urls = [server.url for server in servers]
        subscribers = [
            Subscriber(urls[i % 3 :] + urls[: i % 3], teams[i % TEAMS]) for i in range(SUBSCRIBERS)
        ]
        load = Load(servers, teams)
        following = [asyncio.create_task(subscriber.follow()) for subscriber in subscribers]
        dropping = asyncio.create_task(_drop_at_random(subscribers))
        working = [asyncio.create_task(load.work(number)) for number in range(CLIENTS)]

        # One of the three records; killing each in turn kills the recorder.
        for victim in servers:
            await load.after_more_answers(250)
            if killing:
                await victim.kill()
                await victim.start()
        load.stopped = True
        await asyncio.gather(*working)
        dropping.cancel()
        documents = await client[empty_database]["teams"].find().to_list(None)
        versions = {str(document["_id"]): document["version"] for document in documents}

        async def all_are_there() -> bool:
            return all(
                subscriber.versions and subscriber.versions[-1] >= versions[subscriber.team_id]
                for subscriber in subscribers
            )

        await eventually(all_are_there, timeout_seconds=30)
        for task in following:
            task.cancel()
        await asyncio.gather(dropping, *following, return_exceptions=True)

    for subscriber in subscribers:
        assert subscriber.errors == []
        assert subscriber.versions == list(range(1, versions[subscriber.team_id] + 1))
    log = await client[empty_database]["team_changes"].find().sort("position").to_list(None)
    assert [entry["position"] for entry in log] == list(range(1, len(log) + 1))
    assert len(log) == sum(versions.values())
    assert not [entry for entry in log if entry["kind"] in ("HistoryGap", "ForeignChange")]


async def test_the_log_refuses_a_second_change_of_the_same_version(
    client: MongoClient, database: str
) -> None:
    log = client[database]["team_changes"]
    await log.insert_one({"position": 1, "teamId": "red", "version": 1})

    with pytest.raises(DuplicateKeyError):
        await log.insert_one({"position": 2, "teamId": "red", "version": 1})
    with pytest.raises(DuplicateKeyError):
        await log.insert_one({"position": 1, "teamId": "red", "version": 2})


@pytest.mark.parametrize("name", sorted(CHANGE_INDEX_NAMES))
async def test_a_server_is_not_ready_once_the_log_has_lost_an_index(
    client: MongoClient, database: str, name: str
) -> None:
    await client[database]["team_changes"].drop_index(name)

    with pytest.raises(DatabaseUnsuitable, match=name):
        await check_readiness(client, database)
