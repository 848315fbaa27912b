from tests.api.world import create_team_with, members_of, new_id, team_id_of
from tests.harness.client import Client


async def test_the_viewer_leaves_and_the_version_rises_by_one(api: Client) -> None:
    sue, john = new_id("sue"), new_id("john")
    team = await create_team_with(api, sue, john)

    outcome = await api.mutate("leaveTeam", viewer=sue, teamId=team["id"], expectedVersion=3)

    assert outcome["__typename"] == "LeaveTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 4, "memberCount": 1}
    assert await members_of(api, team["id"]) == [john]
    assert await team_id_of(api, sue) is None


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
