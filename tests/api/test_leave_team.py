from typing import Any

import pytest

from tests.api.world import (
    MALFORMED_IDS,
    NOBODYS_TEAM_ID,
    create_team_with,
    find_team,
    members_of,
    new_id,
    team_id_of,
    unknown_team_id,
)
from tests.harness.client import ANONYMOUS, Answer, Client


async def test_the_viewer_leaves_and_the_version_rises_by_one(api: Client) -> None:
    sue, john = new_id("sue"), new_id("john")
    team = await create_team_with(api, sue, john)

    outcome = await api.mutate("leaveTeam", viewer=sue, teamId=team["id"], expectedVersion=3)

    assert outcome["__typename"] == "LeaveTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 4, "memberCount": 1}
    assert await members_of(api, team["id"]) == [john]
    assert await team_id_of(api, sue) is None


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "not an id", ""])
async def test_an_anonymous_viewer_is_not_allowed_whatever_else_is_wrong(
    api: Client, team_id: str
) -> None:
    outcome = await api.mutate("leaveTeam", viewer=ANONYMOUS, teamId=team_id, expectedVersion=0)

    assert outcome["__typename"] == "NotAllowed"


async def test_an_anonymous_viewer_takes_nobody_off_a_team(api: Client) -> None:
    team = await create_team_with(api, new_id())

    outcome = await api.mutate("leaveTeam", viewer=ANONYMOUS, teamId=team["id"])

    assert outcome["__typename"] == "NotAllowed"
    assert await find_team(api, team["id"]) == team


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
    request: Answer = {"teamId": unknown_team_id(), field: value}

    outcome = await api.mutate("leaveTeam", viewer=new_id(), **request)

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == field


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense"])
async def test_an_unknown_team_is_not_found(api: Client, team_id: str) -> None:
    outcome = await api.mutate("leaveTeam", viewer=new_id(), teamId=team_id)

    assert outcome["__typename"] == "TeamNotFound"


async def test_a_viewer_on_no_team_is_refused_without_another_team(api: Client) -> None:
    team = await api.create_team()

    outcome = await api.mutate("leaveTeam", viewer=new_id(), teamId=team["id"])

    assert outcome["__typename"] == "NotOnTeam"
    assert outcome["otherTeam"] is None


async def test_a_viewer_on_another_team_is_refused_with_that_team(api: Client) -> None:
    sue = new_id("sue")
    team, current_team = await api.create_team("Red"), await create_team_with(api, sue)

    outcome = await api.mutate("leaveTeam", viewer=sue, teamId=team["id"], expectedVersion=9)

    assert outcome["__typename"] == "NotOnTeam"
    assert outcome["otherTeam"] == current_team


async def test_another_version_is_a_conflict_that_shows_the_team(api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)

    outcome = await api.mutate("leaveTeam", viewer=sue, teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "VersionConflict"
    assert (outcome["expectedVersion"], outcome["actualVersion"]) == (1, 2)
    assert outcome["team"] == team
    assert await members_of(api, team["id"]) == [sue]


async def test_a_repeated_request_changes_nothing_more(api: Client, other_api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)
    request: Answer = {"teamId": team["id"], "requestId": new_id("request")}
    first = await api.mutate("leaveTeam", viewer=sue, **request)

    here = await api.mutate("leaveTeam", viewer=sue, **request)
    there = await other_api.mutate("leaveTeam", viewer=sue, **request)

    for outcome in (here, there):
        assert outcome == {**first, "replayed": True}


async def test_a_request_id_used_for_another_change_is_refused(
    api: Client, other_api: Client
) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)
    request: Answer = {"teamId": team["id"], "requestId": new_id("request")}
    await api.mutate("leaveTeam", viewer=sue, **request)

    other_version = await other_api.mutate("leaveTeam", viewer=sue, **request, expectedVersion=2)
    other_mutation = await other_api.mutate("joinTeam", viewer=sue, **request)

    for outcome in (other_version, other_mutation):
        assert outcome["__typename"] == "InvalidInput"
        assert outcome["field"] == "requestId"
