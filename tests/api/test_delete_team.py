from typing import Any

import pytest

from tests.api.world import (
    MALFORMED_IDS,
    NOBODYS_TEAM_ID,
    create_team_with,
    find_team,
    new_id,
    team_id_of,
    unknown_team_id,
)
from tests.harness.client import Answer, Client


async def test_a_deleted_team_is_shown_at_its_last_version_without_members(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    outcome = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=3)

    assert outcome["__typename"] == "DeleteTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 4, "memberCount": 0}


async def test_a_deleted_team_is_gone_from_every_question(api: Client) -> None:
    name, sue = new_id("team"), new_id("sue")
    team = await create_team_with(api, sue, name=name)

    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)

    listed = await api.execute(
        "query ($name: String) { teams(nameContains: $name) { totalCount edges { node { id } } } }",
        {"name": name},
    )
    assert await find_team(api, team["id"]) is None
    assert await team_id_of(api, sue) is None
    assert listed["teams"] == {"totalCount": 0, "edges": []}


async def test_the_members_of_a_deleted_team_are_free_to_join_another(
    api: Client, other_api: Client
) -> None:
    sue, john = new_id("sue"), new_id("john")
    team = await create_team_with(api, sue, john)
    other_team = await api.create_team("Blue")

    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=3)
    joined = await other_api.mutate("joinTeam", viewer=sue, teamId=other_team["id"])
    added = await api.mutate("addUserToTeam", teamId=other_team["id"], userId=john)

    assert joined["__typename"] == "JoinTeamSuccess"
    assert added["__typename"] == "AddUserToTeamSuccess"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("teamId", id_) for id_ in MALFORMED_IDS),
        *(("expectedVersion", version) for version in (0, -1)),
        *(("requestId", id_) for id_ in MALFORMED_IDS),
    ],
)
async def test_a_value_outside_its_limits_is_refused_by_name(
    api: Client, field: str, value: Any
) -> None:
    request: Answer = {"teamId": unknown_team_id(), "expectedVersion": 1}

    outcome = await api.mutate("deleteTeam", **{**request, field: value})

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == field


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense"])
async def test_an_unknown_team_is_not_found(api: Client, team_id: str) -> None:
    outcome = await api.mutate("deleteTeam", teamId=team_id, expectedVersion=1)

    assert outcome["__typename"] == "TeamNotFound"


@pytest.mark.parametrize("expected_version", [1, 2, 3])
async def test_a_team_is_deleted_once(api: Client, expected_version: int) -> None:
    team = await api.create_team()
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)

    outcome = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=expected_version)

    assert outcome["__typename"] == "TeamNotFound"


async def test_another_version_is_a_conflict_that_shows_the_team(api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)

    outcome = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "VersionConflict"
    assert (outcome["expectedVersion"], outcome["actualVersion"]) == (1, 2)
    assert outcome["team"] == team
    assert await team_id_of(api, sue) == team["id"]


async def test_a_repeated_request_gets_the_first_outcome_again(
    api: Client, other_api: Client
) -> None:
    team = await create_team_with(api, new_id())
    request: Answer = {"teamId": team["id"], "expectedVersion": 2, "requestId": new_id("request")}
    first = await api.mutate("deleteTeam", **request)

    here = await api.mutate("deleteTeam", **request)
    there = await other_api.mutate("deleteTeam", **request)

    for outcome in (here, there):
        assert outcome == {**first, "replayed": True}


async def test_a_request_id_used_for_another_change_is_refused(
    api: Client, other_api: Client
) -> None:
    team = await api.create_team()
    request: Answer = {"teamId": team["id"], "expectedVersion": 1, "requestId": new_id("request")}
    await api.mutate("deleteTeam", **request)

    other_version = await other_api.mutate("deleteTeam", **{**request, "expectedVersion": 2})
    other_mutation = await other_api.mutate("updateTeam", **request, name="Blue")

    for outcome in (other_version, other_mutation):
        assert outcome["__typename"] == "InvalidInput"
        assert outcome["field"] == "requestId"


async def test_a_change_made_before_the_deletion_is_still_recognised_after_it(
    api: Client,
) -> None:
    team = await api.create_team()
    request: Answer = {"teamId": team["id"], "userId": new_id(), "requestId": new_id("request")}
    await api.mutate("addUserToTeam", **request)
    deleted = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)

    outcome = await api.mutate("addUserToTeam", **request)

    assert outcome["__typename"] == "AddUserToTeamSuccess"
    assert outcome["replayed"] is True
    assert outcome["team"] == deleted["team"]
