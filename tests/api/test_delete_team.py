from tests.api.world import create_team_with, find_team, new_id, team_id_of
from tests.harness.client import Answer, Client


async def test_a_deleted_team_is_shown_at_its_last_version_without_members(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    outcome = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=3)

    assert outcome["__typename"] == "DeleteTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "version": 4, "memberCount": 0}


async def test_a_deleted_team_is_absent_from_every_query(api: Client) -> None:
    name, sue = new_id("team"), new_id("sue")
    team = await create_team_with(api, sue, name=name)

    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)

    listed = await api.execute(
        "query ($name: String) { teams(nameContains: $name) { totalCount edges { node { id } } } }",
        {"name": name},
    )
    assert await find_team(api, team["id"]) is None
    assert await team_id_of(api, sue) is None
    assert listed["teams"] == {"totalCount": 0, "edges": []}


async def test_the_members_of_a_deleted_team_are_free_to_join_another(
    api: Client, other_api: Client
) -> None:
    sue, john = new_id("sue"), new_id("john")
    team = await create_team_with(api, sue, john)
    other_team = await api.create_team("Blue")

    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=3)
    joined = await other_api.mutate("joinTeam", viewer=sue, teamId=other_team["id"])
    added = await api.mutate("addUserToTeam", teamId=other_team["id"], userId=john)

    assert joined["__typename"] == "JoinTeamSuccess"
    assert added["__typename"] == "AddUserToTeamSuccess"


async def test_a_change_made_before_the_deletion_is_still_recognised_after_it(api: Client) -> None:
    team = await api.create_team()
    request: Answer = {"teamId": team["id"], "userId": new_id(), "requestId": new_id("request")}
    await api.mutate("addUserToTeam", **request)
    deleted = await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)

    outcome = await api.mutate("addUserToTeam", **request)

    assert outcome["__typename"] == "AddUserToTeamSuccess"
    assert outcome["replayed"] is True
    assert outcome["team"] == deleted["team"]
