from datetime import UTC, datetime

import pytest

from tests.api.world import MALFORMED_IDS, NOBODYS_TEAM_ID, create_team_with, find_team, new_id
from tests.harness.client import Client, ServerError


async def test_a_team_is_shown_with_all_its_fields(api: Client, other_api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue, name="Red", capacity=4)

    found = await other_api.execute(
        """query ($id: ID!) { team(id: $id) {
            id name version capacity memberCount members { totalCount edges { node { id } } }
        } }""",
        {"id": team["id"]},
    )

    members = {"totalCount": 1, "edges": [{"node": {"id": sue}}]}
    assert found["team"] == {**team, "members": members}


async def test_a_change_sets_the_update_time_and_keeps_the_creation_time(api: Client) -> None:
    began_at = datetime.now(UTC)
    team = await api.create_team()
    times = "query ($id: ID!) { team(id: $id) { createdAt updatedAt } }"
    created = (await api.execute(times, {"id": team["id"]}))["team"]

    await api.mutate("addUserToTeam", teamId=team["id"], userId=new_id())
    changed = (await api.execute(times, {"id": team["id"]}))["team"]

    created_at = datetime.fromisoformat(created["createdAt"])
    assert created["createdAt"] == created["updatedAt"] == changed["createdAt"]
    assert abs((created_at - began_at).total_seconds()) < 10
    assert created_at.microsecond % 1000 == 0
    assert datetime.fromisoformat(changed["updatedAt"]) > created_at


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense", "x" * 128, "7"])
async def test_an_unknown_team_is_null(api: Client, team_id: str) -> None:
    assert await find_team(api, team_id) is None


@pytest.mark.parametrize("field", ["team", "user"])
async def test_a_malformed_id_is_refused_by_name(api: Client, field: str) -> None:
    query, refused = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", []
    for malformed in MALFORMED_IDS:
        with pytest.raises(ServerError) as refusal:
            await api.execute(query, {"id": malformed})
        refused.append(refusal.value.args[0][0]["extensions"])

    assert refused == [{"code": "INVALID_INPUT", "field": "id"}] * len(MALFORMED_IDS)


async def test_a_number_is_accepted_as_an_id(api: Client) -> None:
    found = await api.execute("{ team(id: 12345) { id } }")

    assert found == {"team": None}


async def test_a_refused_field_leaves_the_other_fields_of_an_answer(api: Client) -> None:
    team = await api.create_team("Red")
    query = 'query ($id: ID!) { good: team(id: $id) { name } bad: team(id: "$") { name } }'

    answer = (await api.post({"query": query, "variables": {"id": team["id"]}})).json()

    assert answer["data"] == {"good": {"name": "Red"}, "bad": None}
    assert [error["path"] for error in answer["errors"]] == [["bad"]]
