from typing import Any

import pytest

from tests.api.world import (
    DEFAULT_CAPACITY,
    MALFORMED_IDS,
    NOBODYS_TEAM_ID,
    create_team_with,
    find_team,
    members_of,
    new_id,
    unknown_team_id,
)
from tests.harness.client import ANONYMOUS, Answer, Client


async def test_the_viewer_joins_and_the_version_rises_by_one(api: Client) -> None:
    team, sue = await api.create_team(), new_id("sue")

    outcome = await api.mutate("joinTeam", viewer=sue, teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "JoinTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 2, "memberCount": 1}
    assert await members_of(api, team["id"]) == [sue]


async def test_a_team_created_here_is_joined_through_another_server(
    api: Client, other_api: Client
) -> None:
    team, sue = await api.create_team(), new_id("sue")

    outcome = await other_api.mutate("joinTeam", viewer=sue, teamId=team["id"])

    assert outcome["__typename"] == "JoinTeamSuccess"
    assert await members_of(api, team["id"]) == [sue]


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "not an id", ""])
async def test_an_anonymous_viewer_is_not_allowed_whatever_else_is_wrong(
    api: Client, team_id: str
) -> None:
    outcome = await api.mutate("joinTeam", viewer=ANONYMOUS, teamId=team_id, expectedVersion=0)

    assert outcome["__typename"] == "NotAllowed"


async def test_an_anonymous_viewer_is_not_allowed_onto_a_team_that_is_there(api: Client) -> None:
    team = await api.create_team()

    outcome = await api.mutate("joinTeam", viewer=ANONYMOUS, teamId=team["id"])

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

    outcome = await api.mutate("joinTeam", viewer=new_id(), **request)

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == field


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense"])
async def test_an_unknown_team_is_not_found(api: Client, team_id: str) -> None:
    outcome = await api.mutate("joinTeam", viewer=new_id(), teamId=team_id)

    assert outcome["__typename"] == "TeamNotFound"


async def test_a_viewer_on_another_team_is_refused_with_that_team(
    api: Client, other_api: Client
) -> None:
    sue = new_id("sue")
    current_team, team = await create_team_with(api, sue), await api.create_team("Blue")

    outcome = await other_api.mutate("joinTeam", viewer=sue, teamId=team["id"])

    assert outcome["__typename"] == "AlreadyOnTeam"
    assert outcome["currentTeam"] == current_team


async def test_another_version_is_a_conflict_that_shows_the_team(api: Client) -> None:
    team = await create_team_with(api, new_id())

    outcome = await api.mutate("joinTeam", viewer=new_id(), teamId=team["id"], expectedVersion=5)

    assert outcome["__typename"] == "VersionConflict"
    assert (outcome["expectedVersion"], outcome["actualVersion"]) == (5, 2)
    assert outcome["team"] == team


async def test_a_full_team_is_refused_with_its_limit(api: Client) -> None:
    team = await create_team_with(api, *(new_id() for _ in range(DEFAULT_CAPACITY)))

    outcome = await api.mutate("joinTeam", viewer=new_id(), teamId=team["id"])

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == DEFAULT_CAPACITY


async def test_a_repeated_request_changes_nothing_more(api: Client, other_api: Client) -> None:
    team, sue = await api.create_team(), new_id("sue")
    request: Answer = {"teamId": team["id"], "requestId": new_id("request")}
    first = await api.mutate("joinTeam", viewer=sue, **request)

    here = await api.mutate("joinTeam", viewer=sue, **request)
    there = await other_api.mutate("joinTeam", viewer=sue, **request)

    for outcome in (here, there):
        assert outcome == {**first, "replayed": True}


async def test_a_request_id_used_with_other_input_is_refused(
    api: Client, other_api: Client
) -> None:
    team, sue = await api.create_team(), new_id("sue")
    request: Answer = {"teamId": team["id"], "requestId": new_id("request")}
    await api.mutate("joinTeam", viewer=sue, **request)

    outcome = await other_api.mutate("joinTeam", viewer=sue, **request, expectedVersion=2)

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == "requestId"


async def test_two_viewers_may_use_the_same_request_id(api: Client) -> None:
    team, request_id = await api.create_team(), new_id("request")
    sue, john = new_id("sue"), new_id("john")

    for viewer in (sue, john):
        outcome = await api.mutate(
            "joinTeam", viewer=viewer, teamId=team["id"], requestId=request_id
        )
        assert outcome["replayed"] is False

    assert await members_of(api, team["id"]) == [sue, john]
