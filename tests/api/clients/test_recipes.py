"""The recipes of app/api/README.md, word for word but for the address, in an empty project."""

import asyncio
import json
import re
import runpy
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.storage.client import Client as DriverClient
from tests.api.clients import node
from tests.api.world import create_team_with, new_id
from tests.harness.client import Client
from tests.harness.pages import PAGES, ROOT
from tests.harness.servers import Server, running_servers

README = PAGES["app/api/README.md"]
MAX_LINES = 30
DRIVER = Path(__file__).with_name("recipe.mjs")


@pytest.fixture(scope="module")
def database() -> str:
    return new_id("recipe")


@pytest.fixture(scope="module")
async def server(mongodb_uri: str, database: str) -> AsyncIterator[Server]:
    """A server with few teams, so that the first page shows all."""
    async with running_servers(1, mongodb_uri, database) as (server,):
        yield server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    """A client of that server, which has two teams only."""
    async with Client(server.url) as api:
        listed = await api.execute("{ teams { edges { node { id version } } } }")
        for edge in listed["teams"]["edges"]:
            team = edge["node"]
            await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=team["version"])
        for name in ("Blue", "Red"):
            await create_team_with(api, name=name)
        yield api


@pytest.fixture
async def project(server: Server, tmp_path: Path) -> Path:
    """The recipes as files, with the packages, the client module and the schema."""
    await node.install()
    for name, text in re.findall(r"```\w+\n(?://|#) ([\w.]+)\n(.*?)```", README, re.DOTALL):
        assert text.count("\n") <= MAX_LINES
        ours = text.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        (tmp_path / name).write_text(ours, encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(node.FOLDER / "node_modules")
    for module in (ROOT / "app" / "board").glob("team-joiner*.js"):
        (tmp_path / module.name).symlink_to(module)
    return tmp_path


async def compile_for_relay(project: Path, *modules: str) -> None:
    """Compile the documents, and put their artifacts in the place of the tags, as Babel does."""
    shutil.copyfile(ROOT / "schema.graphql", project / "schema.graphql")
    await node.run("node", "node_modules/relay-compiler/cli.js", folder=project)
    for module in modules:
        imports: list[str] = []

        def take(tag: re.Match[str], imports: list[str] = imports) -> str:
            if tag[1] == "fragment":
                return "null"
            imports.append(f'import {tag[2]} from "./__generated__/{tag[2]}.graphql.js";')
            return tag[2]

        text = (project / module).read_text(encoding="utf-8")
        text = re.sub(r"graphql`(\w+) (\w+).*?`", take, text, flags=re.DOTALL)
        (project / module).write_text("\n".join([*imports, text]), encoding="utf-8")


@pytest.mark.parametrize("recipe", ["apollo.js", "urql.js", "relay.js"])
async def test_a_recipe_joins_optimistically_takes_back_a_refusal_and_follows(
    api: Client, project: Path, recipe: str
) -> None:
    if recipe == "relay.js":
        await compile_for_relay(project, recipe)
    async with asyncio.timeout(node.RUN_SECONDS):
        page = await asyncio.create_subprocess_exec(
            *("node", "--preserve-symlinks", DRIVER, project / recipe), stdout=PIPE
        )
        assert page.stdout is not None
        try:
            assert await page.stdout.readline() == b"joined\n"
            await create_team_with(api, f"bob-{recipe}", name="White")
            seen = json.loads(await page.stdout.readline())
        finally:
            if page.returncode is None:
                page.kill()
            await page.wait()

    accepted, refused = seen["messages"]
    assert accepted is None
    assert "already on team “Blue”" in refused
    assert seen["teams"] == {"Blue": 1, "Red": 0, "White": 1}
    assert {"Blue": 1, "Red": 1} in seen["shown"], "the optimistic join"


async def test_a_rename_is_rebased_and_asks_about_another_name(
    api: Client, project: Path, server: Server
) -> None:
    team = await create_team_with(api, name="Pandas")
    await api.mutate("addUserToTeam", teamId=team["id"], userId=new_id())
    program = f"""
        import {{ TeamJoiner }} from "./team-joiner.js";
        import {{ rename }} from "./rename.js";
        const headers = () => ({{ "X-User-Id": "john", "X-User-Role": "admin" }});
        const api = new TeamJoiner({{ url: "{server.url}/graphql", headers }});
        const seen = {{ id: "{team["id"]}", version: 1, name: "Pandas" }};
        const asked = [];
        const keepMine = ({{ name }}) => asked.push(name);
        const first = await rename(api, seen, "Red Pandas", keepMine);
        const second = await rename(api, seen, "Bears", keepMine);
        console.log(JSON.stringify({{ asked, names: [first.team.name, second.team.name] }}));
    """

    told = await node.run("node", "--input-type=module", "--eval", program, folder=project)

    assert json.loads(told) == {"asked": ["Red Pandas"], "names": ["Red Pandas", "Bears"]}


@pytest.mark.usefixtures("api")
async def test_the_code_generator_makes_types(project: Path) -> None:
    (project / "src").mkdir()
    query = "query Teams { teams { edges { node { createdAt } } } }"
    (project / "src" / "teams.ts").write_text(
        f'import {{ graphql }} from "./gql"; graphql(`{query}`);', encoding="utf-8"
    )

    await node.run("node_modules/.bin/graphql-codegen", folder=project)

    made = (project / "src" / "gql" / "graphql.ts").read_text(encoding="utf-8")
    assert "createdAt: string | null" in made


async def test_a_front_ends_test_starts_the_service(project: Path) -> None:
    program = f"""
        import {{ startService }} from "./service.js";
        const {{ url, stop }} = await startService("{ROOT}");
        const answer = await fetch(url + "?query={{__typename}}");
        console.log(await answer.text());
        await stop();
    """

    told = await node.run("node", "--input-type=module", "--eval", program, folder=project)

    assert json.loads(told) == {"data": {"__typename": "Query"}}


@pytest.mark.usefixtures("api")
async def test_python_joins_and_follows(project: Path) -> None:
    recipe = runpy.run_path(str(project / "feed.py"))
    asked = recipe["GraphQLRequest"]
    async with asyncio.timeout(node.RUN_SECONDS), recipe["connect"]() as session:
        teams = (await session.execute(asked(recipe["TEAMS"])))["teams"]
        following = recipe["follow"](teams["cursor"])
        given = {"input": {"teamId": teams["edges"][0]["node"]["id"]}}
        joined = await session.execute(asked(recipe["JOIN"], variable_values=given))
        change = await anext(following)
        await following.aclose()

    assert joined == {"joinTeam": {"__typename": "JoinTeamSuccess"}}
    assert change["__typename"] == "UserJoinedTeam"


async def test_relays_store_refetches_pages_appends_and_deletes(
    api: Client, project: Path, client: DriverClient, database: str
) -> None:
    five = new_id("five")
    team = {"_id": five, "name": "Five", "userIds": [five], "version": 1}
    await client[database].teams.insert_one(team)
    paged, users = (await create_team_with(api))["id"], [new_id(str(n)) for n in range(3)]
    for user in users:
        await api.mutate("addUserToTeam", teamId=paged, userId=user)
    shutil.copyfile(node.FOLDER / "relay_store.mjs", project / "store.js")
    await compile_for_relay(project, "relay.js", "store.js")

    seen = json.loads(await node.run("node", "store.js", paged, five, folder=project))

    assert seen == {
        "types": ["Team", "User"],
        "firstPage": users[:2],
        "twoPages": users,
        "added": [*users, "added"],
        "removed": users,
        "created": "Created",
        "isGone": True,
        "refetched": [f"team({five})", five],
    }
