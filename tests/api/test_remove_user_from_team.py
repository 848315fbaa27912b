import pytest

from tests.api.world import (
    create_team_with,
    find_team,
    members_of,
    new_id,
    team_id_of,
)
from tests.harness.client import Answer, Client


@pytest.mark.parametrize("given", [{}, {"expectedVersion": 4}, {"expectedVersion": None}])
async def test_a_member_is_removed_and_the_others_keep_their_order(
    api: Client, given: Answer
) -> None:
    ann, sue, zoe = new_id("ann"), new_id("sue"), new_id("zoe")
    team = await create_team_with(api, ann, sue, zoe)

    outcome = await api.mutate("removeUserFromTeam", teamId=team["id"], userId=sue, **given)

    assert outcome["__typename"] == "RemoveUserFromTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 5, "memberCount": 2}
    assert await members_of(api, team["id"]) == [ann, zoe]
    assert await team_id_of(api, sue) is None


async def test_a_user_on_no_team_is_refused_without_another_team(api: Client) -> None:
    team = await api.create_team()

    outcome = await api.mutate("removeUserFromTeam", teamId=team["id"], userId=new_id())

    assert outcome["__typename"] == "NotOnTeam"
    assert outcome["otherTeam"] is None


async def test_a_user_on_another_team_is_refused_with_that_team(api: Client) -> None:
    sue = new_id("sue")
    team, current_team = await api.create_team("Red"), await create_team_with(api, sue, name="Blue")

    outcome = await api.mutate("removeUserFromTeam", teamId=team["id"], userId=sue)

    assert outcome["__typename"] == "NotOnTeam"
    assert outcome["otherTeam"] == current_team
    assert await find_team(api, team["id"]) == team
