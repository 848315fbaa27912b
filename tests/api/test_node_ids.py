"""Ids that are unique over all types, also of teams that another program created, and `node`."""

from typing import Any

import pytest

from app.storage.client import Client as DriverClient
from tests.api.feeds import CHANGE, feed, until_recorded
from tests.api.scene import REQUESTS, Request, Scene
from tests.api.world import MALFORMED_IDS, create_team_with, new_id, unknown_team_id
from tests.harness.client import ANONYMOUS, Answer, Client, ServerError
from tests.harness.servers import Server

NODE = """
  __typename id
  ... on Team { name members { edges { node { id } } } }
  ... on User { team { id } }
  ... on TeamChange { teamId version }
"""


async def node(api: Client, id_: str, **viewer: str) -> Answer | None:
    text = f"query ($id: ID!) {{ node(id: $id) {{ {NODE} }} }}"
    found: Answer | None = (await api.execute(text, {"id": id_}, **viewer))["node"]
    return found


@pytest.fixture
async def scene(api: Client, client: DriverClient, shared_database: str) -> Scene:
    """The usual scene, with teams that another program created under ids of its own."""
    ids = {name: new_id(name) for name in ("sue", "ann", "john", "red", "blue")}
    members = {"red": "sue", "blue": "ann"}
    await client[shared_database].teams.insert_many(
        [
            {"_id": ids[team], "name": team, "userIds": [ids[member]], "version": 2}
            for team, member in members.items()
        ]
    )
    return Scene(api, ids)


def marked(scene: Scene) -> Scene:
    return Scene(
        scene.api,
        {
            name: f"team({id_})" if name in {"red", "blue"} else id_
            for name, id_ in scene.ids.items()
        },
    )


async def test_a_team_and_a_user_of_the_same_stored_id_are_told_apart(
    api: Client, client: DriverClient, shared_database: str
) -> None:
    five = new_id("five")
    team = {"_id": five, "name": f"Team {five}", "userIds": [five], "version": 1}
    await client[shared_database].teams.insert_one(team)
    shown = {"id": f"team({five})", "members": {"edges": [{"node": {"id": five}}]}}
    fields = "{ id members { edges { node { id } } } }"
    text = f"""query ($plain: ID!, $marked: ID!, $name: String) {{
      plain: team(id: $plain) {fields} marked: team(id: $marked) {fields}
      user(id: $plain) {{ id team {fields} }}
      teams(nameContains: $name) {{ edges {{ node {fields} }} }}
      _entities(representations: [
        {{ __typename: "Team", id: $marked }}, {{ __typename: "User", id: $plain }}
      ]) {{ ... on Team {fields} ... on User {{ id }} }} }}"""

    found = await api.execute(text, {"plain": five, "marked": f"team({five})", "name": five})

    assert found == {
        "plain": shown,
        "marked": shown,
        "user": {"id": five, "team": shown},
        "teams": {"edges": [{"node": shown}]},
        "_entities": [shown, {"id": five}],
    }
    as_team, as_user = [await node(api, id_) for id_ in (f"team({five})", five)]
    assert as_team == {"__typename": "Team", "name": team["name"], **shown}
    assert as_user == {"__typename": "User", "id": five, "team": {"id": f"team({five})"}}


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
async def test_every_mutation_takes_both_forms_of_a_teams_id_as_one(
    scene: Scene, request_: Request
) -> None:
    request_id = new_id("request")
    first = await scene.send(request_, {"requestId": request_id})
    again = await marked(scene).send(request_, {"requestId": request_id})

    assert first["__typename"].endswith("Success")
    assert (first["replayed"], again["replayed"]) == (False, True)
    for field in ("team", "fromTeam", "toTeam"):
        if field in first and request_.mutation != "createTeam":
            assert first[field]["id"] == again[field]["id"]
            assert first[field]["id"] in marked(scene).ids.values()


async def test_feeds_and_histories_show_the_marked_ids(scene: Scene, servers: list[Server]) -> None:
    red, blue = (marked(scene).ids[name] for name in ("red", "blue"))
    text = (
        f"subscription ($id: ID!) {{ teamChanges(teamId: $id, afterVersion: 2){{ id {CHANGE} }} }}"
    )
    async with feed(servers[1], text, id=blue) as changes:
        request = Request("moveUserToTeam", {"userId": "sue", "toTeamId": "blue"})
        await scene.send(request)
        joined = await changes.next()
    await until_recorded(scene.api, red, 3)

    assert (joined["teamId"], joined["fromTeamId"], joined["team"]["id"]) == (blue, red, blue)
    assert await node(scene.api, joined["id"]) == {
        "__typename": "UserJoinedTeam",
        "id": joined["id"],
        "teamId": blue,
        "version": 3,
    }


async def test_a_node_is_what_its_id_names(api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue)
    deleted = (await api.create_team())["id"]
    await api.mutate("deleteTeam", teamId=deleted, expectedVersion=1)
    await until_recorded(api, team["id"], 2)
    nobody = unknown_team_id()  # may be a user's id, too
    change = f"change({team['id']},2)"
    expected: dict[str, Answer | None] = {
        team["id"]: {
            "__typename": "Team",
            "id": team["id"],
            "name": team["name"],
            "members": {"edges": [{"node": {"id": sue}}]},
        },
        sue: {"__typename": "User", "id": sue, "team": {"id": team["id"]}},
        nobody: {"__typename": "User", "id": nobody, "team": None},
        change: {
            "__typename": "UserJoinedTeam",
            "id": change,
            "teamId": team["id"],
            "version": 2,
        },
        deleted: None,
        f"team({nobody})": None,
        f"change({team['id']},3)": None,
        f"change({nobody},1)": None,
    }

    found = {id_: await node(api, id_) for id_ in expected}

    assert found == expected


@pytest.mark.parametrize("id_", [*MALFORMED_IDS, "team()", "team(a b)", "change(a,x)", "change(1"])
async def test_a_malformed_id_is_refused(api: Client, id_: str) -> None:
    with pytest.raises(ServerError) as refusal:
        await node(api, id_)

    assert refusal.value.code == "INVALID_INPUT"


async def test_a_damaged_team_is_an_error(
    api: Client, client: DriverClient, shared_database: str
) -> None:
    damaged = new_id("damaged")
    team: dict[str, Any] = {"_id": damaged, "name": "Red", "userIds": [], "version": 0}
    teams = client[shared_database].teams
    await teams.insert_one(team, bypass_document_validation=True)

    with pytest.raises(ServerError) as refusal:
        await node(api, f"team({damaged})")
    await teams.delete_one({"_id": damaged})

    assert refusal.value.code == "TEAM_DAMAGED"


async def test_nodes_are_shown_to_signed_in_viewers_only(api: Client) -> None:
    with pytest.raises(ServerError) as refusal:
        await node(api, "sue", viewer=ANONYMOUS)

    assert refusal.value.code == "UNAUTHENTICATED"
