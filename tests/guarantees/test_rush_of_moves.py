import asyncio

import pytest

from app.storage.client import Client as MongoClient
from tests.harness.client import Client
from tests.harness.servers import running_servers

MOVES = 48


@pytest.mark.parametrize("server_count", [1, 3])
async def test_a_rush_of_moves_into_one_team_gets_through(
    mongodb_uri: str, client: MongoClient, empty_database: str, server_count: int
) -> None:
    async with running_servers(server_count, mongodb_uri, empty_database) as servers:
        clients = [Client(server.url) for server in servers]
        target = await clients[0].create_team("Target")
        users = [f"user-{number}" for number in range(MOVES)]
        for user in users:
            source = await clients[0].create_team(f"Home of {user}")
            await clients[0].mutate("addUserToTeam", teamId=source["id"], userId=user)

        aborted_before = await _aborted_transactions(client)
        outcomes = await asyncio.gather(
            *(
                clients[number % server_count].mutate(
                    "moveUserToTeam", userId=user, toTeamId=target["id"]
                )
                for number, user in enumerate(users)
            )
        )
        aborted = await _aborted_transactions(client) - aborted_before
        for api in clients:
            await api.aclose()

    assert {outcome["__typename"] for outcome in outcomes} == {"MoveUserToTeamSuccess"}
    assert sorted(o["toTeam"]["version"] for o in outcomes) == list(range(2, MOVES + 2))
    assert all(outcome["fromTeam"]["memberCount"] == 0 for outcome in outcomes)
    if server_count == 1:
        # They wait for each other in the process; met in the database, each would abort many.
        assert aborted < MOVES


async def _aborted_transactions(client: MongoClient) -> int:
    status = await client.admin.command("serverStatus")
    aborted: int = status["transactions"]["totalAborted"]
    return aborted
