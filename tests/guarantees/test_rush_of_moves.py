import asyncio
import time

import pytest

from tests.harness.client import Client
from tests.harness.servers import running_servers

MOVES = 48
LEAST_MOVES_PER_SECOND = 50


@pytest.mark.parametrize("server_count", [1, 3])
async def test_a_rush_of_moves_into_one_team_gets_through(
    mongodb_uri: str, empty_database: str, server_count: int
) -> None:
    async with running_servers(server_count, mongodb_uri, empty_database) as servers:
        clients = [Client(server.url) for server in servers]
        target = await clients[0].create_team("Target")
        users = [f"user-{number}" for number in range(MOVES)]
        for user in users:
            source = await clients[0].create_team(f"Home of {user}")
            await clients[0].mutate("addUserToTeam", teamId=source["id"], userId=user)

        began = time.monotonic()
        outcomes = await asyncio.gather(
            *(
                clients[number % server_count].mutate(
                    "moveUserToTeam", userId=user, toTeamId=target["id"]
                )
                for number, user in enumerate(users)
            )
        )
        seconds = time.monotonic() - began
        for client in clients:
            await client.aclose()

    assert {outcome["__typename"] for outcome in outcomes} == {"MoveUserToTeamSuccess"}
    assert sorted(o["toTeam"]["version"] for o in outcomes) == list(range(2, MOVES + 2))
    assert all(outcome["fromTeam"]["memberCount"] == 0 for outcome in outcomes)
    if server_count == 1:
        assert MOVES / seconds >= LEAST_MOVES_PER_SECOND
