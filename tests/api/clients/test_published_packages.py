"""Published clients, run by Node as they are; `test_replays.py` sends what they send without it."""

import json
import re
from pathlib import Path

import pytest

from tests.api.clients.node import run_script
from tests.api.world import create_team_with, new_id
from tests.harness.client import Answer, Client
from tests.harness.pages import PAGES
from tests.harness.servers import Server

SCHEMA_FILE = Path(__file__).parents[3] / "schema.graphql"


@pytest.fixture(scope="module")
async def outcomes(servers: list[Server]) -> list[Answer]:
    """Each client's results; all clients run in one process."""
    return await run_script("run.mjs", f"{servers[0].url}/graphql")


@pytest.mark.parametrize(
    "name",
    [
        *("urql 6", "urql 4", "urql graphcache", "apollo", "relay"),
        *("graphql-sse, distinct connections", "graphql-sse, single connection", "graphql-ws"),
    ],
)
async def test_a_client_asks_changes_and_follows_a_feed(outcomes: list[Answer], name: str) -> None:
    (outcome,) = [outcome for outcome in outcomes if outcome["name"] == name]

    assert outcome == {
        "name": name,
        "viewer": "root",
        "created": 1,
        "changes": [1, 2],
        "refusal": "TEAM_NOT_FOUND",
    }


async def test_a_gateway_joins_teams_with_the_users_of_another_subgraph(
    servers: list[Server], api: Client
) -> None:
    page = PAGES["app/api/README.md"]
    (snippet,) = re.findall(r"```js\n(class Forwarding .*?)```", page, re.DOTALL)
    sue, nobody = new_id("sue"), new_id("nobody")
    red = await create_team_with(api, sue, name="Red")
    of_teams = f"""{{ team(id: "{red["id"]}") {{
        members {{ edges {{ node {{ id name team {{ name }} }} }} }}
    }} }}"""
    of_users = f"""{{ profiles(ids: ["{sue}", "{nobody}"]) {{
        name team {{ name memberCount }} captainOf {{ name }}
    }} }}"""
    signed_in = {"headers": {"x-user-id": sue}}
    requests = [{"query": of_teams} | signed_in, {"query": of_users} | signed_in]

    url = f"{servers[0].url}/graphql"
    sent = json.dumps([*requests, {"query": of_teams}])
    with_names, with_teams, anonymous = await run_script("gateway.mjs", url, sent, given=snippet)

    member = {"id": sue, "name": f"Name of {sue}", "team": {"name": "Red"}}
    team = {"members": {"edges": [{"node": member}]}}
    profiles = [
        {"name": f"Name of {user}", "team": team, "captainOf": None}
        for user, team in ((sue, {"name": "Red", "memberCount": 1}), (nobody, None))
    ]
    assert with_names == {"data": {"team": team}, "codes": []}
    assert with_teams == {"data": {"profiles": profiles}, "codes": []}
    assert anonymous == {"data": {"team": None}, "codes": ["UNAUTHENTICATED"]}


async def test_graphql_eslint_finds_nothing_in_the_schema() -> None:
    assert await run_script("lint.mjs", str(SCHEMA_FILE)) == []


async def test_graphql_eslint_finds_a_plain_list_and_a_missing_description(tmp_path: Path) -> None:
    schema = SCHEMA_FILE.read_text(encoding="utf-8")
    worse = tmp_path / "schema.graphql"
    worse.write_text(schema + "extend type Team { tags: [String!]! }", encoding="utf-8")

    found = await run_script("lint.mjs", str(worse))

    rules = ["relay-edge-types", "require-description"]
    assert sorted(each["ruleId"] for each in found) == [f"@graphql-eslint/{each}" for each in rules]
