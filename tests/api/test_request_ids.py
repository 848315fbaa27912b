"""Repeated requests, even much later and through another server, change nothing."""

import asyncio

from app.storage.client import Client as DriverClient
from tests.api.feeds import history_of, until_recorded
from tests.api.world import find_team, new_id, team_id_of
from tests.harness.client import Answer, Client
from tests.harness.servers import running_servers

# More than a team remembers by itself.
CHANGES_BETWEEN = 60


async def _keep_busy(api: Client, team_id: str) -> int:
    """The team's version after so many changes that it has forgotten its earlier requests."""
    user = new_id()
    for number in range(CHANGES_BETWEEN):
        mutation = ("addUserToTeam", "removeUserFromTeam")[number % 2]
        given = {"teamId": team_id, "userId": user, "requestId": new_id("request")}
        outcome = await api.mutate(mutation, **given)
        assert outcome["__typename"].endswith("Success"), outcome
        # What follows may go on only while the team's memory reaches back to what is recorded.
        await until_recorded(api, team_id, outcome["team"]["version"] - 40)
    version: int = outcome["team"]["version"]
    await until_recorded(api, team_id, version)
    return version


async def _add_and_forget(api: Client) -> tuple[Answer, int]:
    """A request that its team has forgotten and whose effect is undone, and the version since."""
    team = await api.create_team()
    given = {"teamId": team["id"], "userId": new_id(), "requestId": new_id("request")}
    await api.mutate("addUserToTeam", **given)
    await api.mutate("removeUserFromTeam", teamId=given["teamId"], userId=given["userId"])
    return given, await _keep_busy(api, given["teamId"])


async def test_a_request_not_on_its_team_any_more_is_replayed_by_any_server(
    api: Client, other_api: Client
) -> None:
    given, version = await _add_and_forget(api)

    again = await other_api.mutate("addUserToTeam", **given)

    assert (again["__typename"], again["replayed"]) == ("AddUserToTeamSuccess", True)
    assert again["team"]["version"] == version
    assert await team_id_of(api, given["userId"]) is None


async def test_a_request_not_on_its_team_any_more_is_refused_with_other_input(
    api: Client, other_api: Client
) -> None:
    given, version = await _add_and_forget(api)
    elsewhere = await other_api.create_team()

    other_user = await other_api.mutate("addUserToTeam", **{**given, "userId": new_id()})
    other_team = await other_api.mutate("addUserToTeam", **{**given, "teamId": elsewhere["id"]})
    other_kind = await other_api.mutate("removeUserFromTeam", **given)
    creation = await other_api.mutate("createTeam", name="Other", requestId=given["requestId"])

    for refused in (other_user, other_team, other_kind, creation):
        assert (refused["__typename"], refused["field"]) == ("InvalidInput", "requestId")
    found = await find_team(api, given["teamId"])
    assert found is not None
    assert found["version"] == version


async def test_a_move_not_on_its_teams_any_more_is_replayed_with_both(
    api: Client, other_api: Client
) -> None:
    sue = new_id()
    red, blue = await api.create_team(), await api.create_team()
    await api.mutate("addUserToTeam", teamId=red["id"], userId=sue)
    given = {"userId": sue, "toTeamId": blue["id"], "requestId": new_id("request")}
    await api.mutate("moveUserToTeam", **given)
    await api.mutate("moveUserToTeam", userId=sue, toTeamId=red["id"])
    await _keep_busy(api, red["id"])
    await _keep_busy(api, blue["id"])

    again = await other_api.mutate("moveUserToTeam", **given)

    assert (again["__typename"], again["replayed"]) == ("MoveUserToTeamSuccess", True)
    assert (again["fromTeam"]["id"], again["toTeam"]["id"]) == (red["id"], blue["id"])
    assert await team_id_of(api, sue) == red["id"]


async def test_a_creation_is_replayed_after_its_team_is_deleted(
    api: Client, other_api: Client
) -> None:
    request_id = new_id("request")
    created = await api.mutate("createTeam", name="Red", requestId=request_id)
    await api.mutate("deleteTeam", teamId=created["team"]["id"], expectedVersion=1)

    again = await other_api.mutate("createTeam", name="Red", requestId=request_id)

    assert (again["__typename"], again["replayed"]) == ("CreateTeamSuccess", True)
    assert again["team"]["id"] == created["team"]["id"]


async def test_one_request_sent_20_times_at_once_to_two_servers_makes_one_change(
    api: Client, other_api: Client
) -> None:
    team = await api.create_team()
    given = {"teamId": team["id"], "userId": new_id(), "requestId": new_id("request")}

    outcomes = await asyncio.gather(
        *((api, other_api)[i % 2].mutate("addUserToTeam", **given) for i in range(20))
    )

    assert {outcome["__typename"] for outcome in outcomes} == {"AddUserToTeamSuccess"}
    assert [outcome["replayed"] for outcome in outcomes].count(False) == 1
    await until_recorded(api, team["id"], 2)
    edges = (await history_of(api, team["id"]))["edges"]
    assert [edge["node"]["__typename"] for edge in edges] == ["TeamCreated", "UserJoinedTeam"]


async def test_the_retention_of_requests_is_a_setting(
    mongodb_uri: str, client: DriverClient, empty_database: str
) -> None:
    async def remembered_seconds() -> int:
        indexes = await client[empty_database]["requests"].index_information()
        seconds: int = indexes["request_expiry"]["expireAfterSeconds"]
        return seconds

    async with running_servers(1, mongodb_uri, empty_database):
        by_default = await remembered_seconds()
    async with running_servers(1, mongodb_uri, empty_database, REQUEST_MEMORY_HOURS="2"):
        when_set = await remembered_seconds()

    assert (by_default, when_set) == (24 * 3600, 2 * 3600)
