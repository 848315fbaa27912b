from typing import Any

import pytest

from tests.api.world import (
    DEFAULT_CAPACITY,
    MALFORMED_IDS,
    MALFORMED_NAMES,
    NOBODYS_TEAM_ID,
    create_team_with,
    find_team,
    new_id,
    unknown_team_id,
)
from tests.harness.client import Answer, Client, ServerError


@pytest.mark.parametrize(
    ("given", "name", "capacity"),
    [
        ({"name": " Blue "}, "Blue", 5),
        ({"capacity": 9}, "Red", 9),
        ({"capacity": None}, "Red", None),
        ({"name": "Blue", "capacity": 9}, "Blue", 9),
        ({"name": "Blue", "capacity": None}, "Blue", None),
        ({"name": "Red"}, "Red", 5),
    ],
)
async def test_what_is_given_changes_and_what_is_left_out_stays(
    api: Client, given: Answer, name: str, capacity: int | None
) -> None:
    team = await api.create_team("Red", capacity=5)

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, **given)

    assert outcome["__typename"] == "UpdateTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "name": name, "capacity": capacity, "version": 2}
    assert await find_team(api, team["id"]) == outcome["team"]


async def test_a_name_of_null_is_refused(api: Client) -> None:
    team = await api.create_team("Red")

    with pytest.raises(ServerError) as refusal:
        await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, name=None)

    assert refusal.value.code == "BAD_USER_INPUT"
    assert await find_team(api, team["id"]) == team


async def test_an_update_of_nothing_is_refused(api: Client) -> None:
    team = await api.create_team("Red")

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == "name"


async def test_a_capacity_that_just_fits_the_members_is_accepted(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id(), capacity=5)

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=team["version"], capacity=2
    )

    assert outcome["team"] == {**team, "capacity": 2, "version": team["version"] + 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("teamId", id_) for id_ in MALFORMED_IDS),
        *(("expectedVersion", version) for version in (0, -1)),
        *(("name", name) for name in MALFORMED_NAMES),
        *(("capacity", capacity) for capacity in (0, -1, 10_001)),
        *(("requestId", id_) for id_ in MALFORMED_IDS),
    ],
)
async def test_a_value_outside_its_limits_is_refused_by_name(
    api: Client, field: str, value: Any
) -> None:
    request: Answer = {"teamId": unknown_team_id(), "expectedVersion": 1, "name": "Blue"}

    outcome = await api.mutate("updateTeam", **{**request, field: value})

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == field


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense", "0" * 128])
async def test_an_unknown_team_is_not_found(api: Client, team_id: str) -> None:
    outcome = await api.mutate("updateTeam", teamId=team_id, expectedVersion=1, name="Blue")

    assert outcome["__typename"] == "TeamNotFound"


async def test_a_deleted_team_is_not_found_rather_than_at_another_version(api: Client) -> None:
    team = await api.create_team()
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, name="Blue")

    assert outcome["__typename"] == "TeamNotFound"


@pytest.mark.parametrize("expected_version", [1, 3, 2**31 - 1])
async def test_another_version_is_a_conflict_that_shows_the_team(
    api: Client, expected_version: int
) -> None:
    team = await create_team_with(api, new_id())

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=expected_version, name="Blue"
    )

    assert outcome["__typename"] == "VersionConflict"
    assert outcome["expectedVersion"] == expected_version
    assert outcome["actualVersion"] == 2
    assert outcome["team"] == team
    assert await find_team(api, team["id"]) == team


async def test_a_capacity_below_the_number_of_members_is_refused(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=3, capacity=1, name="Blue"
    )

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == 1
    assert await find_team(api, team["id"]) == team


async def test_a_team_with_more_members_than_the_default_keeps_its_own_capacity(
    api: Client,
) -> None:
    members = [new_id() for _ in range(DEFAULT_CAPACITY + 1)]
    team = await create_team_with(api, *members, capacity=10)

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=team["version"], capacity=None
    )

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == DEFAULT_CAPACITY
    assert await find_team(api, team["id"]) == team


async def test_a_conflict_is_reported_before_a_lack_of_room(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, capacity=1)

    assert outcome["__typename"] == "VersionConflict"


async def test_a_repeated_request_changes_nothing_more(api: Client, other_api: Client) -> None:
    team = await api.create_team("Red")
    request: Answer = {
        "teamId": team["id"],
        "expectedVersion": 1,
        "name": "Blue",
        "requestId": new_id("request"),
    }
    first = await api.mutate("updateTeam", **request)

    here = await api.mutate("updateTeam", **request)
    there = await other_api.mutate("updateTeam", **request)

    for outcome in (here, there):
        assert outcome == {**first, "replayed": True}


@pytest.mark.parametrize(
    "changed", [{"name": "Green"}, {"capacity": 4}, {"capacity": None}, {"expectedVersion": 2}]
)
async def test_a_request_id_used_for_another_update_is_refused(
    api: Client, other_api: Client, changed: Answer
) -> None:
    team = await api.create_team("Red")
    request: Answer = {
        "teamId": team["id"],
        "expectedVersion": 1,
        "name": "Blue",
        "requestId": new_id("request"),
    }
    await api.mutate("updateTeam", **request)

    outcome = await other_api.mutate("updateTeam", **{**request, **changed})

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == "requestId"
