import asyncio
from uuid import uuid4

from tests.harness.client import Answer, Client
from tests.harness.servers import running_servers

ROUNDS = 500
LANES = 10


async def test_of_sue_joining_and_john_adding_her_elsewhere_exactly_one_succeeds(
    mongodb_uri: str, empty_database: str
) -> None:
    async with (
        running_servers(2, mongodb_uri, empty_database) as (server_a, server_b),
        Client(server_a.url) as through_a,
        Client(server_b.url) as through_b,
    ):
        team_a = await through_a.create_team("Team A", capacity=10_000)
        team_b = await through_a.create_team("Team B", capacity=10_000)

        async def play_one_round() -> tuple[Answer, Answer]:
            sue = f"sue-{uuid4().hex}"
            joined, added = await asyncio.gather(
                through_a.mutate("joinTeam", teamId=team_a["id"], viewer=sue),
                through_b.mutate("addUserToTeam", teamId=team_b["id"], userId=sue, viewer="john"),
            )
            return joined, added

        async def play_lane() -> list[tuple[Answer, Answer]]:
            return [await play_one_round() for _ in range(ROUNDS // LANES)]

        lanes = await asyncio.gather(*(play_lane() for _ in range(LANES)))

    rounds = [outcomes for lane in lanes for outcomes in lane]
    assert len(rounds) == ROUNDS
    for joined, added in rounds:
        names = {joined["__typename"], added["__typename"]}
        assert names in (
            {"JoinTeamSuccess", "AlreadyOnTeam"},
            {"AddUserToTeamSuccess", "AlreadyOnTeam"},
        )
        winner, loser = (joined, added) if "team" in joined else (added, joined)
        assert loser["currentTeam"]["id"] == winner["team"]["id"]
    assert {joined["__typename"] for joined, _ in rounds} == {"JoinTeamSuccess", "AlreadyOnTeam"}
