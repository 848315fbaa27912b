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
from tests.harness.client import Answer, Client


async def move(api: Client, **given: Any) -> Answer:
    """The outcome of a move."""
    return await api.mutate("moveUserToTeam", **given)


@pytest.fixture
def sue() -> str:
    return new_id("sue")


@pytest.fixture
async def red(api: Client, sue: str) -> Answer:
    """The team that Sue is on, at version 2."""
    return await create_team_with(api, sue, name="Red")


@pytest.fixture
async def blue(api: Client) -> Answer:
    """A team without members, at version 1."""
    return await api.create_team("Blue")


@pytest.mark.parametrize("named", [True, False])
async def test_a_member_changes_teams_and_both_versions_rise_by_one(
    api: Client, sue: str, red: Answer, blue: Answer, *, named: bool
) -> None:
    source: Answer = {"fromTeamId": red["id"]} if named else {}

    outcome = await move(
        api,
        userId=sue,
        toTeamId=blue["id"],
        expectedToVersion=1,
        expectedFromVersion=2,
        **source,
    )

    assert outcome == {
        "__typename": "MoveUserToTeamSuccess",
        "replayed": False,
        "fromTeam": {**red, "version": 3, "memberCount": 0},
        "toTeam": {**blue, "version": 2, "memberCount": 1},
    }
    assert await members_of(api, red["id"]) == []
    assert await members_of(api, blue["id"]) == [sue]
    assert await team_id_of(api, sue) == blue["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("userId", id_) for id_ in MALFORMED_IDS),
        *(("toTeamId", id_) for id_ in MALFORMED_IDS),
        *(("fromTeamId", id_) for id_ in MALFORMED_IDS),
        *(("expectedToVersion", version) for version in (0, -1)),
        *(("expectedFromVersion", version) for version in (0, -1)),
        *(("requestId", id_) for id_ in MALFORMED_IDS),
    ],
)
async def test_a_value_outside_its_limits_is_refused_by_name(
    api: Client, field: str, value: Any
) -> None:
    request: Answer = {"userId": new_id(), "toTeamId": unknown_team_id()}

    outcome = await move(api, **{**request, field: value})

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == field


@pytest.mark.parametrize("team_id", [NOBODYS_TEAM_ID, "nonsense"])
async def test_either_team_that_is_unknown_is_not_found(
    api: Client, sue: str, red: Answer, blue: Answer, team_id: str
) -> None:
    target = await move(api, userId=sue, toTeamId=team_id, fromTeamId=red["id"])
    source = await move(api, userId=sue, toTeamId=blue["id"], fromTeamId=team_id)

    assert target["__typename"] == "TeamNotFound"
    assert source["__typename"] == "TeamNotFound"
    assert await team_id_of(api, sue) == red["id"]


@pytest.mark.parametrize("named", [True, False])
async def test_a_user_who_is_on_the_target_is_refused_with_it(
    api: Client, sue: str, red: Answer, blue: Answer, *, named: bool
) -> None:
    source: Answer = {"fromTeamId": blue["id"]} if named else {}

    outcome = await move(api, userId=sue, toTeamId=red["id"], **source)

    assert outcome["__typename"] == "AlreadyOnTeam"
    assert outcome["currentTeam"] == red
    assert await find_team(api, red["id"]) == red


async def test_a_move_from_a_team_to_itself_is_refused(api: Client, sue: str, red: Answer) -> None:
    onto_itself: Answer = {"toTeamId": red["id"], "fromTeamId": red["id"]}

    of_a_member = await move(api, userId=sue, **onto_itself)
    of_another = await move(api, userId=new_id(), **onto_itself)

    assert of_a_member["__typename"] == "AlreadyOnTeam"
    assert of_another["__typename"] == "NotOnTeam"


async def test_a_user_who_is_on_no_team_is_refused_without_a_current_team(
    api: Client, red: Answer, blue: Answer
) -> None:
    user_id = new_id()

    from_anywhere = await move(api, userId=user_id, toTeamId=blue["id"])
    from_red = await move(api, userId=user_id, toTeamId=blue["id"], fromTeamId=red["id"])

    for outcome in (from_anywhere, from_red):
        assert outcome["__typename"] == "NotOnTeam"
        assert outcome["otherTeam"] is None


async def test_a_user_who_is_on_a_third_team_is_refused_with_it(
    api: Client, sue: str, red: Answer, blue: Answer
) -> None:
    green = await api.create_team("Green")

    outcome = await move(api, userId=sue, toTeamId=blue["id"], fromTeamId=green["id"])

    assert outcome["__typename"] == "NotOnTeam"
    assert outcome["otherTeam"] == red


@pytest.mark.parametrize("named", [True, False])
async def test_another_version_of_either_team_is_a_conflict_that_shows_that_team(
    api: Client, sue: str, red: Answer, blue: Answer, *, named: bool
) -> None:
    given: Answer = {"userId": sue, "toTeamId": blue["id"]}
    if named:
        given["fromTeamId"] = red["id"]

    target = await move(api, **given, expectedToVersion=7)
    source = await move(api, **given, expectedFromVersion=8)

    assert target["__typename"] == source["__typename"] == "VersionConflict"
    assert (target["expectedVersion"], target["actualVersion"]) == (7, 1)
    assert target["team"] == blue
    assert (source["expectedVersion"], source["actualVersion"]) == (8, 2)
    assert source["team"] == red
    assert await find_team(api, red["id"]) == red


async def test_a_full_target_is_refused_and_the_user_stays(
    api: Client, sue: str, red: Answer
) -> None:
    full = await create_team_with(api, new_id(), capacity=1)

    outcome = await move(api, userId=sue, toTeamId=full["id"])

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == 1
    assert await find_team(api, red["id"]) == red
    assert await find_team(api, full["id"]) == full


async def test_the_reasons_are_reported_in_the_order_of_the_design(
    api: Client, sue: str, red: Answer
) -> None:
    full = await create_team_with(api, new_id(), capacity=1)
    wrong: Answer = {"expectedToVersion": 9, "expectedFromVersion": 9}

    not_there = await move(api, userId=sue, toTeamId=unknown_team_id(), **wrong)
    on_it = await move(api, userId=sue, toTeamId=red["id"], **wrong)
    on_none = await move(api, userId=new_id(), toTeamId=full["id"], **wrong)
    at_another_version = await move(api, userId=sue, toTeamId=full["id"], **wrong)

    assert not_there["__typename"] == "TeamNotFound"
    assert on_it["__typename"] == "AlreadyOnTeam"
    assert on_none["__typename"] == "NotOnTeam"
    assert at_another_version["__typename"] == "VersionConflict"


@pytest.mark.parametrize("named", [True, False])
async def test_a_repeated_request_changes_nothing_more(
    api: Client, other_api: Client, sue: str, red: Answer, blue: Answer, *, named: bool
) -> None:
    request: Answer = {"userId": sue, "toTeamId": blue["id"], "requestId": new_id("request")}
    if named:
        request["fromTeamId"] = red["id"]
    first = await move(api, **request)

    here = await move(api, **request)
    there = await move(other_api, **request)

    for outcome in (here, there):
        assert outcome == {**first, "replayed": True}


async def test_a_repeated_request_does_not_move_a_user_who_has_gone_back(
    api: Client, sue: str, red: Answer, blue: Answer
) -> None:
    request: Answer = {"userId": sue, "toTeamId": blue["id"], "requestId": new_id("request")}
    await move(api, **request)
    back = await move(api, userId=sue, toTeamId=red["id"])

    outcome = await move(api, **request)

    assert outcome["replayed"] is True
    assert (outcome["fromTeam"], outcome["toTeam"]) == (back["toTeam"], back["fromTeam"])
    assert await team_id_of(api, sue) == red["id"]


@pytest.mark.parametrize(
    "changed", [{"userId": "someone-else"}, {"expectedToVersion": 1}, {"expectedFromVersion": 2}]
)
async def test_a_request_id_used_for_another_move_is_refused(
    api: Client, other_api: Client, sue: str, red: Answer, blue: Answer, changed: Answer
) -> None:
    request: Answer = {
        "userId": sue,
        "toTeamId": blue["id"],
        "fromTeamId": red["id"],
        "requestId": new_id("request"),
    }
    await move(api, **request)

    outcome = await move(other_api, **{**request, **changed})

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == "requestId"
