from typing import Any

import pytest

from tests.api.world import (
    create_team_with,
    find_team,
    members_of,
    new_id,
    team_id_of,
)
from tests.harness.client import Answer, Client


async def move(api: Client, **given: Any) -> Answer:
    return await api.mutate("moveUserToTeam", **given)


@pytest.mark.parametrize("named", [True, False])
async def test_a_member_changes_teams_and_both_versions_rise_by_one(
    api: Client, sue: str, red: Answer, blue: Answer, *, named: bool
) -> None:
    source: Answer = {"fromTeamId": red["id"]} if named else {}

    outcome = await move(
        api, userId=sue, toTeamId=blue["id"], expectedToVersion=1, expectedFromVersion=2, **source
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


async def test_a_full_target_is_refused_and_the_user_stays(
    api: Client, sue: str, red: Answer
) -> None:
    full = await create_team_with(api, new_id(), capacity=1)

    outcome = await move(api, userId=sue, toTeamId=full["id"])

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == 1
    assert await find_team(api, red["id"]) == red
    assert await find_team(api, full["id"]) == full
