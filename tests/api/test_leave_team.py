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
