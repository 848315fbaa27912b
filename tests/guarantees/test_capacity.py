import asyncio
from collections import Counter

from app.storage.client import Client as MongoClient
from tests.harness.client import Client
from tests.harness.servers import running_servers

USERS = 1_000
CAPACITY = 100
CLIENTS_PER_SERVER = 16


async def test_of_1000_users_who_rush_into_a_team_exactly_its_capacity_get_in(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with running_servers(3, mongodb_uri, empty_database) as servers:
        clients = [Client(server.url) for server in servers for _ in range(CLIENTS_PER_SERVER)]
        team = await clients[0].create_team("Popular", capacity=CAPACITY)
        users = iter([f"user-{number}" for number in range(USERS)])

        async def join(through: Client) -> list[str]:
            return [
                (await through.mutate("joinTeam", teamId=team["id"], viewer=user))["__typename"]
                for user in users
            ]

        outcomes = await asyncio.gather(*(join(through) for through in clients))
        for through in clients:
            await through.aclose()

    counted = Counter(outcome for lane in outcomes for outcome in lane)
    assert counted == {"JoinTeamSuccess": CAPACITY, "TeamFull": USERS - CAPACITY}
    stored = await client[empty_database]["teams"].find_one({"name": "Popular"})
    assert stored is not None
    assert stored["version"] == CAPACITY + 1
    assert len(set(stored["userIds"])) == CAPACITY
