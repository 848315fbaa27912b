import asyncio

import pytest

from tests.api.world import find_team, new_id
from tests.harness.client import Answer, Client


async def test_a_new_team_is_at_version_1_without_members(api: Client) -> None:
    outcome = await api.mutate("createTeam", name="Red", capacity=7)

    team = outcome["team"]
    assert outcome["__typename"] == "CreateTeamSuccess"
    assert outcome["replayed"] is False
    assert team == {"id": team["id"], "name": "Red", "version": 1, "capacity": 7, "memberCount": 0}
    assert await find_team(api, team["id"]) == team


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Red \t\n", "Red"),
        ("x", "x"),
        (" " + "x" * 100 + " ", "x" * 100),
        ("👩‍👩‍👧 ünïcode", "👩‍👩‍👧 ünïcode"),
        ("🎈" * 100, "🎈" * 100),
        ("<b>&'\"$", "<b>&'\"$"),
    ],
)
async def test_a_name_is_trimmed_and_otherwise_kept(api: Client, given: str, kept: str) -> None:
    outcome = await api.mutate("createTeam", name=given)

    assert outcome["team"]["name"] == kept


async def test_a_request_sent_many_times_at_once_creates_one_team(
    api: Client, other_api: Client
) -> None:
    request: Answer = {"name": new_id("team"), "requestId": new_id("request")}

    outcomes = await asyncio.gather(
        *(client.mutate("createTeam", **request) for client in [api, other_api] * 5)
    )

    assert len({outcome["team"]["id"] for outcome in outcomes}) == 1
    assert sorted(outcome["replayed"] for outcome in outcomes) == [False] + [True] * 9


async def test_a_request_id_belongs_to_the_viewer_who_used_it(api: Client) -> None:
    request: Answer = {"name": "Red", "requestId": new_id("request")}
    sue, john = new_id("sue"), new_id("john")

    of_sue = await api.mutate("createTeam", viewer=sue, **request)
    of_john = await api.mutate("createTeam", viewer=john, **request)
    of_nobody = await api.mutate("createTeam", **request)

    assert len({outcome["team"]["id"] for outcome in (of_sue, of_john, of_nobody)}) == 3
