import pytest

from tests.api.world import (
    DEFAULT_CAPACITY,
    create_team_with,
    find_team,
    members_of,
    new_id,
    team_id_of,
)
from tests.harness.client import Answer, Client


@pytest.mark.parametrize("given", [{}, {"expectedVersion": 1}, {"expectedVersion": None}])
async def test_a_free_user_is_added_and_the_version_rises_by_one(
    api: Client, given: Answer
) -> None:
    team, sue = await api.create_team(), new_id("sue")

    outcome = await api.mutate("addUserToTeam", teamId=team["id"], userId=sue, **given)

    assert outcome["__typename"] == "AddUserToTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 2, "memberCount": 1}
    assert await members_of(api, team["id"]) == [sue]
    assert await team_id_of(api, sue) == team["id"]


@pytest.mark.parametrize("user_id", ["auth0|5f7c", "sue@example.com", "a/b:c~d-e+f=g", "x" * 128])
async def test_ids_of_the_common_identity_providers_are_accepted(api: Client, user_id: str) -> None:
    user_id = f"{new_id('')}{user_id}"[:128]
    team = await api.create_team()

    await api.mutate("addUserToTeam", teamId=team["id"], userId=user_id)

    assert await members_of(api, team["id"]) == [user_id]


async def test_a_team_id_in_capitals_is_not_found_by_writes_or_reads(api: Client) -> None:
    team = await api.create_team()
    while team["id"] == team["id"].upper():
        team = await api.create_team()

    found = await find_team(api, team["id"].upper())
    outcome = await api.mutate("addUserToTeam", teamId=team["id"].upper(), userId=new_id())

    assert found is None
    assert outcome["__typename"] == "TeamNotFound"


async def test_a_user_on_another_team_is_refused_with_that_team(
    api: Client, other_api: Client
) -> None:
    sue = new_id("sue")
    current_team = await create_team_with(api, sue, name="Red")
    team = await api.create_team("Blue")

    outcome = await other_api.mutate("addUserToTeam", teamId=team["id"], userId=sue)

    assert outcome["__typename"] == "AlreadyOnTeam"
    assert outcome["currentTeam"] == current_team
    assert await find_team(api, team["id"]) == team


async def test_a_user_on_this_team_is_refused_with_this_team(api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)

    outcome = await api.mutate("addUserToTeam", teamId=team["id"], userId=sue)

    assert outcome["__typename"] == "AlreadyOnTeam"
    assert outcome["currentTeam"] == team
    assert await members_of(api, team["id"]) == [sue]


async def test_a_team_at_its_own_capacity_is_full(api: Client) -> None:
    team = await create_team_with(api, new_id(), capacity=1)

    outcome = await api.mutate("addUserToTeam", teamId=team["id"], userId=new_id())

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == 1
    assert await find_team(api, team["id"]) == team


async def test_a_team_without_a_capacity_is_full_at_the_default(api: Client) -> None:
    team = await create_team_with(api, *(new_id() for _ in range(DEFAULT_CAPACITY)))

    outcome = await api.mutate("addUserToTeam", teamId=team["id"], userId=new_id())

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == DEFAULT_CAPACITY


async def test_a_repeated_request_is_recognised_after_the_user_has_left(api: Client) -> None:
    team, sue = await api.create_team(), new_id("sue")
    request: Answer = {"teamId": team["id"], "userId": sue, "requestId": new_id("request")}
    await api.mutate("addUserToTeam", **request)
    left = await api.mutate("removeUserFromTeam", teamId=team["id"], userId=sue)

    outcome = await api.mutate("addUserToTeam", **request)

    assert outcome["replayed"] is True
    assert outcome["team"] == left["team"]
    assert await team_id_of(api, sue) is None
