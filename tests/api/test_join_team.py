from tests.api.world import DEFAULT_CAPACITY, create_team_with, members_of, new_id
from tests.harness.client import Client


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


async def test_a_viewer_on_another_team_is_refused_with_that_team(
    api: Client, other_api: Client
) -> None:
    sue = new_id("sue")
    current_team, team = await create_team_with(api, sue), await api.create_team("Blue")

    outcome = await other_api.mutate("joinTeam", viewer=sue, teamId=team["id"])

    assert outcome["__typename"] == "AlreadyOnTeam"
    assert outcome["currentTeam"] == current_team


async def test_a_full_team_is_refused_with_its_limit(api: Client) -> None:
    team = await create_team_with(api, *(new_id() for _ in range(DEFAULT_CAPACITY)))

    outcome = await api.mutate("joinTeam", viewer=new_id(), teamId=team["id"])

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == DEFAULT_CAPACITY


async def test_two_viewers_may_use_the_same_request_id(api: Client) -> None:
    team, request_id = await api.create_team(), new_id("request")
    sue, john = new_id("sue"), new_id("john")

    for viewer in (sue, john):
        outcome = await api.mutate(
            "joinTeam", viewer=viewer, teamId=team["id"], requestId=request_id
        )
        assert outcome["replayed"] is False

    assert await members_of(api, team["id"]) == [sue, john]
