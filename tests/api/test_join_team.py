from tests.api.world import members_of, new_id
from tests.harness.client import Client


async def test_the_viewer_joins_and_the_version_rises_by_one(api: Client) -> None:
    team, sue = await api.create_team(), new_id("sue")

    outcome = await api.mutate("joinTeam", viewer=sue, teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "JoinTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 2, "memberCount": 1}
    assert await members_of(api, team["id"]) == [sue]


async def test_two_viewers_may_use_the_same_request_id(api: Client) -> None:
    team, request_id = await api.create_team(), new_id("request")
    sue, john = new_id("sue"), new_id("john")

    for viewer in (sue, john):
        outcome = await api.mutate(
            "joinTeam", viewer=viewer, teamId=team["id"], requestId=request_id
        )
        assert outcome["replayed"] is False

    assert await members_of(api, team["id"]) == [sue, john]
