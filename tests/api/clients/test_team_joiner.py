"""The client module team-joiner.js in Node: a list and its feed, across a killed server."""

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from graphql import is_interface_type, is_introspection_type, is_object_type

from tests.api.clients import node
from tests.api.scene import SCHEMA
from tests.api.world import new_id
from tests.harness.client import Answer, Client
from tests.harness.pages import ROOT
from tests.harness.servers import running_servers
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET, with_secret
from tests.harness.waiting import eventually

SCRIPT = Path(__file__).with_name("team_joiner.mjs")
MODULE = ROOT / "app" / "board" / "team-joiner.js"
RUN_SECONDS = 60
TEAMS, JOINS = 3, 40


@pytest.mark.parametrize("transport", ["events", "socket"])
async def test_a_list_and_its_feed_miss_nothing_across_a_killed_server(
    mongodb_uri: str, transport: str
) -> None:
    await node.install()
    async with running_servers(2, mongodb_uri, new_id("feed")) as (followed, acting):
        api = Client(acting.url)
        async with api, asyncio.timeout(RUN_SECONDS):
            teams = [await api.create_team() for _ in range(TEAMS)]
            lines = await asyncio.create_subprocess_exec(
                *("node", SCRIPT, f"{followed.url}/graphql", MODULE, transport), stdout=PIPE
            )
            assert lines.stdout is not None
            try:
                joining = asyncio.create_task(_join(api, teams))
                assert json.loads(await lines.stdout.readline()) == {"loaded": True}
                await followed.kill()
                await joining
                await followed.start()
                await _until_created(api, "made while away")
                await api.create_team("end")
                seen = json.loads(await lines.stdout.readline())
            finally:
                if lines.returncode is None:
                    lines.kill()
                await lines.wait()

    assert seen["created"] == "CreateTeamSuccess"
    assert "waiting" in seen["states"]
    assert seen["states"][-1] == "live"
    for versions in seen["versions"]:
        assert versions == list(range(versions[0], versions[0] + len(versions)))
    assert sorted(versions[-1] for versions in seen["versions"]) == [1, 1] + [1 + JOINS] * TEAMS


@pytest.mark.parametrize("transport", ["events", "socket"])
async def test_a_feed_goes_on_with_the_next_token_and_ends_without_one(
    mongodb_uri: str, transport: str
) -> None:
    program = f"""
        import {{ createClient }} from "graphql-ws";
        import WebSocket from "ws";
        import {{ TeamJoiner }} from "{MODULE}";
        const [url, ...tokens] = process.argv.slice(1);
        const headers = async () => ({{ Authorization: `Bearer ${{tokens[0]}}` }});
        const given = {{ webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 }};
        const socket = createClient({{ url: url.replace("http", "ws"), ...given }});
        const api = new TeamJoiner({{ url, headers, {"socket" if transport == "socket" else ""} }});
        const states = [];
        const feed = "subscription {{ allTeamChanges {{ cursor }} }}";
        api.follow(feed, {{
          load: async () => (await api.request("{{ changesCursor }}")).changesCursor,
          onChange() {{}},
          onState({{ name, error }}) {{
            states.push(error?.code ?? name);
            if (name === "waiting") tokens.shift();
            if (name !== "refused") return;
            console.log(JSON.stringify(states));
            process.exit();
          }},
        }});
    """
    provider = with_secret()
    signed = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_LEEWAY_SECONDS": "0"}
    async with running_servers(1, mongodb_uri, new_id("feed"), JWT_SECRET=SECRET, **signed) as (
        server,
    ):
        tokens = [provider.token(lasts_seconds=seconds) for seconds in (4, 7, -1)]
        told = await node.run(
            *("node", "--input-type=module", "--eval", program, f"{server.url}/graphql", *tokens)
        )

    states = [state for state in json.loads(told) if state != "loading"]
    assert states == ["live", "TOKEN_EXPIRED", "live", "TOKEN_EXPIRED", "TOKEN_EXPIRED"]


async def test_a_feed_resumes_however_long_the_server_is_away() -> None:
    (outcome,) = await node.run_script("resuming.mjs", str(MODULE))

    assert outcome["versions"] == [3, 4, 5], outcome
    assert outcome["attempts"] >= 30
    assert 10_000 <= outcome["longest"] <= 15_000


async def test_after_a_reset_nothing_is_lost_and_no_connection_is_left_open() -> None:
    (seen,) = await node.run_script("cut_off.mjs", str(MODULE))

    assert seen["begins"] == ["list 1", "change 1", "list 2"]
    assert seen["open"] == 1
    assert len(seen["sent"]) == 3
    assert len(set(seen["sent"])) == 1


async def test_the_types_that_caches_are_told_of_are_those_of_the_schema() -> None:
    program = (
        f"import {{ possibleTypes, keys }} from '{MODULE}';"
        "console.log(JSON.stringify({ possibleTypes, keys: Object.keys(keys) }))"
    )
    told = json.loads(await node.run("node", "--input-type=module", "--eval", program))

    types = [each for each in SCHEMA.type_map.values() if not is_introspection_type(each)]
    assert {name: set(names) for name, names in told["possibleTypes"].items()} == {
        each.name: {implementer.name for implementer in SCHEMA.get_possible_types(each)}
        for each in types
        if is_interface_type(each)
    }
    assert set(told["keys"]) == {
        each.name
        for each in types
        if is_object_type(each)
        if each.name not in {"Query", "Mutation", "Subscription"} and "id" not in each.fields
    }


async def test_an_older_answer_about_a_team_does_not_overwrite_a_newer_one_in_apollo() -> None:
    program = f"""
        import {{ InMemoryCache, gql }} from "@apollo/client";
        import {{ typePolicies }} from "{MODULE}";
        const cache = new InMemoryCache({{ typePolicies }});
        const query = gql`{{ teams {{ edges {{ node {{ id version name }} }} }} }}`;
        const names = [[2, "newer"], [1, "older"], [3, "newest"]].map(([version, name]) => {{
          const edges = [{{ node: {{ __typename: "Team", id: "5", version, name }} }}];
          cache.writeQuery({{ query, data: {{ teams: {{ edges }} }} }});
          return cache.readQuery({{ query }}).teams.edges[0].node.name;
        }});
        console.log(JSON.stringify(names));
    """

    told = json.loads(await node.run("node", "--input-type=module", "--eval", program))

    assert told == ["newer", "newer", "newest"]


async def _join(api: Client, teams: list[Answer]) -> None:
    for number in range(JOINS):
        for team in teams:
            user = f"{team['id']}-{number}"
            await api.mutate("addUserToTeam", teamId=team["id"], userId=user)


async def _until_created(api: Client, name: str) -> None:
    query = "query ($name: String) { teams(nameContains: $name) { totalCount } }"

    async def is_created() -> bool:
        count: int = (await api.execute(query, {"name": name}))["teams"]["totalCount"]
        return count == 1

    await eventually(is_created)
