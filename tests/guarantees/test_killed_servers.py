import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx

from app.storage.client import Client as MongoClient
from tests.harness.client import Answer, Client, ServerError
from tests.harness.servers import running_servers

KILLS = 20
CLIENTS = 24
TEAMS = 12
USERS = 120
MUTATIONS_PER_KILL = 120
ANSWERS_BEFORE_KILL = 40


class Load:
    """Clients that add, remove and move users, and note what was acknowledged.

    An answer that never came is an unknown outcome.
    """

    def __init__(self, clients: list[Client], teams: list[Answer]) -> None:
        self._clients = clients
        self._teams = teams
        self._random = random.Random(7)
        self._progress = asyncio.Condition()
        self.acknowledged: dict[str, set[int]] = defaultdict(set)
        self.answers = 0
        self.unknown = 0

    async def run(self, mutations: int) -> None:
        """Returns when the clients have sent so many between them."""
        left = iter(range(mutations))
        await asyncio.gather(*(self._work(through, left) for through in self._clients))

    async def _work(self, through: Client, left: Iterator[int]) -> None:
        chance = self._random
        for _ in left:
            user = f"user-{chance.randrange(USERS)}"
            team_id = chance.choice(self._teams)["id"]
            try:
                match chance.randrange(3):
                    case 0:
                        given = {"userId": user, "teamId": team_id}
                        outcome = await through.mutate("addUserToTeam", **given)
                    case 1:
                        given = {"userId": user, "teamId": team_id}
                        outcome = await through.mutate("removeUserFromTeam", **given)
                    case _:
                        given = {"userId": user, "toTeamId": team_id}
                        outcome = await through.mutate("moveUserToTeam", **given)
            except (httpx.TransportError, ServerError):
                self.unknown += 1
                await asyncio.sleep(chance.uniform(0, 0.05))  # the server is being restarted
            else:
                await self._note(outcome)

    async def _note(self, outcome: Answer) -> None:
        for name in ("team", "fromTeam", "toTeam"):
            if name in outcome and outcome["__typename"].endswith("Success"):
                team = outcome[name]
                assert team["version"] not in self.acknowledged[team["id"]]
                self.acknowledged[team["id"]].add(team["version"])
        self.answers += 1
        async with self._progress:
            self._progress.notify_all()

    async def after_more_answers(self, count: int) -> None:
        """Returns when so many more answers have come."""
        target = self.answers + count
        async with asyncio.timeout(30), self._progress:
            await self._progress.wait_for(lambda: self.answers >= target)


async def test_killing_a_server_20_times_loses_no_acknowledged_change(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with (
        running_servers(3, mongodb_uri, empty_database) as servers,
        AsyncExitStack() as stack,
    ):
        clients = [
            await stack.enter_async_context(Client(servers[number % len(servers)].url))
            for number in range(CLIENTS)
        ]
        teams = [await clients[0].create_team(f"Team {number}") for number in range(TEAMS)]
        load = Load(clients, teams)
        for kill in range(KILLS):
            running = asyncio.create_task(load.run(MUTATIONS_PER_KILL))
            await load.after_more_answers(ANSWERS_BEFORE_KILL)
            victim = servers[kill % len(servers)]
            await victim.kill()
            await victim.start()
            await running

    documents = await client[empty_database]["teams"].find().to_list(None)
    assert load.unknown >= KILLS
    assert load.answers >= KILLS * ANSWERS_BEFORE_KILL
    for document in documents:
        _check_nothing_is_half_done(document)
        assert all(v <= document["version"] for v in load.acknowledged[str(document["_id"])])
    users = [user for document in documents for user in document["userIds"]]
    assert len(users) == len(set(users))
    # Each change adds or takes one member; so the unacknowledged ones are at most the unknown ones,
    # a move counting for both of its teams.
    made = sum(document["version"] - 1 for document in documents)
    acknowledged = sum(len(versions) for versions in load.acknowledged.values())
    assert acknowledged <= made <= acknowledged + 2 * load.unknown


def _check_nothing_is_half_done(document: Mapping[str, Any]) -> None:
    """The parts of one document that one write makes together agree."""
    members, change = document["userIds"], document["lastChange"]
    assert (document["version"] - 1 - len(members)) % 2 == 0
    assert len(members) <= document["version"] - 1
    assert document["updatedAt"] == change["at"]
    match change["kind"]:
        case "UserJoinedTeam":
            assert members[-1] == change["userId"]
        case "UserLeftTeam":
            assert change["userId"] not in members
        case kind:
            assert (kind, document["version"]) == ("TeamCreated", 1)
