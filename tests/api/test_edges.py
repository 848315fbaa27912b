"""Edges and ids in successes, with which a client changes the lists that it holds."""

from typing import Any

import pytest

from tests.api.feeds import until_recorded
from tests.api.scene import Scene
from tests.api.world import create_team_with, new_id
from tests.harness.client import Answer, Client

EDGE = "{ cursor node { id } }"
SUCCESSES = {
    "createTeam": f"... on CreateTeamSuccess {{ team {{ id }} teamEdge {EDGE} }}",
    "addUserToTeam": f"... on AddUserToTeamSuccess {{ memberEdge {EDGE} }}",
    "addUsersToTeam": f"... on AddUsersToTeamSuccess {{ memberEdges {EDGE} }}",
    "joinTeam": f"... on JoinTeamSuccess {{ memberEdge {EDGE} }}",
    "moveUserToTeam": f"... on MoveUserToTeamSuccess {{ memberEdge {EDGE} }}",
    "switchTeam": f"... on SwitchTeamSuccess {{ memberEdge {EDGE} }}",
    "removeUserFromTeam": "... on RemoveUserFromTeamSuccess { user { id team { id } } }",
    "leaveTeam": "... on LeaveTeamSuccess { user { id team { id } } }",
    "deleteTeam": "... on DeleteTeamSuccess { deletedTeamId }",
}
MEMBERS = f"query ($id: ID!) {{ team(id: $id) {{ members {{ edges {EDGE} }} }} }}"


async def mutate(
    api: Client, mutation: str, given: Answer, *, viewer: str | None = None, **replaced: str
) -> Answer:
    title = mutation[0].upper() + mutation[1:]
    success = SUCCESSES[mutation]
    for old, new in replaced.items():
        success = success.replace(old, new)
    text = f"mutation ($input: {title}Input!) {{ {mutation}(input: $input) {{ {success} }} }}"
    outcome: Answer = (await api.execute(text, {"input": given}, viewer=viewer))[mutation]
    return outcome


async def member_edges(api: Client, team_id: str) -> list[Answer]:
    edges: list[Answer] = (await api.execute(MEMBERS, {"id": team_id}))["team"]["members"]["edges"]
    return edges


@pytest.fixture
async def scene(api: Client) -> Scene:
    return await Scene.prepare(api)


@pytest.mark.parametrize("order", ["NAME_ASC", "NAME_DESC", "CREATED_AT_ASC", "CREATED_AT_DESC"])
async def test_the_edge_of_a_new_team_is_that_of_the_list(api: Client, order: str) -> None:
    marker = new_id("team")
    for name in ("a", "c"):
        await api.create_team(f"{marker} {name}")

    given = {"name": f"{marker} b"}
    created = await mutate(api, "createTeam", given, teamEdge=f"teamEdge(orderBy: {order})")

    text = (
        "query ($part: String, $order: TeamOrder!, $after: String) {"
        f"teams(nameContains: $part, orderBy: $order, after: $after) {{ edges {EDGE} }} }}"
    )
    edges: list[Any] = []
    for after in (None, created["teamEdge"]["cursor"]):
        page = await api.execute(text, {"part": marker, "order": order, "after": after})
        edges.append(page["teams"]["edges"])
    index = edges[0].index(created["teamEdge"])
    assert created["teamEdge"]["node"] == created["team"]
    assert edges[1] == edges[0][index + 1 :]


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("addUserToTeam", {"teamId": "red", "userId": "john"}),
        ("joinTeam", {"teamId": "red"}),
        ("moveUserToTeam", {"userId": "ann", "toTeamId": "red"}),
        ("switchTeam", {"toTeamId": "red"}),
    ],
)
async def test_the_edge_of_a_new_member_is_that_of_the_list(
    scene: Scene, mutation: str, given: Answer
) -> None:
    given = {name: scene.ids[value] for name, value in given.items()}
    given["requestId"] = new_id("request")
    viewer = scene.ids["ann" if mutation == "switchTeam" else "john"]
    user = given.get("userId", viewer)

    joined = await mutate(scene.api, mutation, given, viewer=viewer)
    first, *others = await member_edges(scene.api, scene.ids["red"])
    await scene.api.mutate("removeUserFromTeam", teamId=scene.ids["red"], userId=scene.ids["sue"])
    again = await mutate(scene.api, mutation, given, viewer=viewer)
    after_sue = await member_edges(scene.api, scene.ids["red"])
    await scene.api.mutate("removeUserFromTeam", teamId=scene.ids["red"], userId=user)
    gone = await mutate(scene.api, mutation, given, viewer=viewer)

    assert first["node"]["id"] == scene.ids["sue"]
    assert [joined["memberEdge"]] == others
    assert joined["memberEdge"]["node"] == {"id": user}
    assert [again["memberEdge"]] == after_sue
    assert gone["memberEdge"] is None


async def test_the_edges_of_many_new_members_are_those_of_the_list(scene: Scene) -> None:
    red, john, max_ = scene.ids["red"], scene.ids["john"], new_id("max")
    request_id = new_id("request")
    given = {"teamId": red, "userIds": [john, scene.ids["ann"], max_], "requestId": request_id}

    added = await mutate(scene.api, "addUsersToTeam", given)
    _, *others = await member_edges(scene.api, red)
    await scene.api.mutate("removeUserFromTeam", teamId=red, userId=john)
    again = await mutate(scene.api, "addUsersToTeam", given)
    nobody = await mutate(scene.api, "addUsersToTeam", {"teamId": red, "userIds": [max_]})

    assert added["memberEdges"] == others
    assert [edge["node"]["id"] for edge in others] == [john, max_]
    assert again["memberEdges"] == (await member_edges(scene.api, red))[1:]
    assert nobody["memberEdges"] == []


@pytest.mark.parametrize("mutation", ["removeUserFromTeam", "leaveTeam"])
async def test_a_user_who_left_is_shown_without_a_team(scene: Scene, mutation: str) -> None:
    given = {"teamId": scene.ids["red"]}
    if mutation == "removeUserFromTeam":
        given["userId"] = scene.ids["sue"]

    left = await mutate(scene.api, mutation, given, viewer=scene.ids["sue"])

    assert left == {"user": {"id": scene.ids["sue"], "team": None}}


async def test_a_deleted_team_is_named(api: Client) -> None:
    team_id = (await api.create_team())["id"]

    deleted = await mutate(api, "deleteTeam", {"teamId": team_id, "expectedVersion": 1})

    assert deleted == {"deletedTeamId": team_id}


async def test_a_change_has_one_id_wherever_it_is_shown(api: Client) -> None:
    users = [new_id() for _ in range(2)]
    teams = [(await create_team_with(api, user))["id"] for user in users]
    text = """query ($team: ID!, $user: ID!) {
      team(id: $team) { history { edges { node { id version } } } }
      user(id: $user) { history { edges { node { id version } } } } }"""

    for team_id in teams:
        await until_recorded(api, team_id, 2)

    ids: set[str] = set()
    for team_id, user_id in zip(teams, users, strict=True):
        found = await api.execute(text, {"team": team_id, "user": user_id})
        created, joined = found["team"]["history"]["edges"]
        assert [joined] == found["user"]["history"]["edges"]
        ids |= {created["node"]["id"], joined["node"]["id"]}

    assert len(ids) == 4
