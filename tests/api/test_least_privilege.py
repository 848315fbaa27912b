"""The role that the manual gives the service: it suffices, and a thief of it gets little."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure

from tests.api.world import new_id
from tests.harness.client import Client
from tests.harness.commands import Ended, run_command
from tests.harness.doctor import damaged_teams, run_doctor
from tests.harness.http import http_client
from tests.harness.pages import ALL_PAGES
from tests.harness.secured import PASSWORD, Secured, running_secured
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe

DATABASE = "team_joiner"
SERVICE = "team-joiner"
DOCTOR = "team-joiner-doctor"
HISTORY = """
query ($id: ID!) { team(id: $id) { history(first: 10) { edges { node { __typename version } } } } }
"""


def documented_roles() -> dict[str, dict[str, Any]]:
    """The roles in the README, which are written in JSON, by name."""
    texts = re.findall(r"db\.createRole\((\{.*?\n\})\)", ALL_PAGES, re.DOTALL)
    return {role["role"]: role for role in map(json.loads, texts)}


async def admit(mongod: Secured, user: str, role: str) -> None:
    documented = documented_roles()[role]
    privileges, roles = documented["privileges"], documented["roles"]
    await mongod.run(DATABASE, "createRole", role, privileges=privileges, roles=roles)
    await mongod.run(DATABASE, "createUser", user, pwd=PASSWORD, roles=[role])


@pytest.fixture(scope="module")
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    async with running_secured(tmp_path_factory.mktemp("secured")) as mongod:
        await admit(mongod, SERVICE, "teamJoiner")
        yield mongod


@pytest.fixture(scope="module")
async def server(mongod: Secured) -> AsyncIterator[Server]:
    uri = mongod.uri(SERVICE, database=DATABASE)
    async with running_servers(1, uri, DATABASE) as servers:
        yield servers[0]


async def test_the_service_does_all_its_work_with_the_documented_role(server: Server) -> None:
    sue = new_id("sue")
    async with Client(server.url) as api, http_client(base_url=server.url) as http:
        ready = await http.get("/readyz")
        red, blue = await api.create_team("Red"), await api.create_team("Blue")
        async with connected(server.url) as socket:
            query = (
                "subscription ($id: ID!) { teamChanges(teamId: $id, afterVersion: 1) { version } }"
            )
            await subscribe(socket, query, id=red["id"])
            outcomes = [
                await api.mutate("addUserToTeam", teamId=red["id"], userId=sue, requestId=new_id()),
                await api.mutate("moveUserToTeam", userId=sue, toTeamId=blue["id"]),
                await api.mutate("removeUserFromTeam", teamId=blue["id"], userId=sue),
                await api.mutate(
                    "updateTeam", teamId=blue["id"], expectedVersion=3, name="Dark blue"
                ),
                await api.mutate("deleteTeam", teamId=blue["id"], expectedVersion=4),
            ]
            told = [(await receive(socket))["payload"]["data"] for _ in range(2)]
        listed = await api.execute("{ teams { totalCount edges { node { name memberCount } } } }")
        history = await api.execute(HISTORY, {"id": red["id"]})

    assert ready.status_code == 200
    assert [outcome["__typename"].endswith("Success") for outcome in outcomes] == [True] * 5
    assert [change["teamChanges"]["version"] for change in told] == [2, 3]
    assert "Red" in str(listed)
    assert len(history["team"]["history"]["edges"]) == 3
    for complaint in (b"ERROR", b"not authorized", b"Traceback"):
        assert complaint not in server.log


async def test_the_service_can_start_again_with_it_and_with_another_setting(
    server: Server, mongod: Secured
) -> None:
    del server
    uri = mongod.uri(SERVICE, database=DATABASE)

    async with (
        running_servers(1, uri, DATABASE, REQUEST_MEMORY_HOURS="48") as (again,),
        http_client(base_url=again.url) as http,
    ):
        assert (await http.get("/readyz")).status_code == 200

    assert b"not authorized" not in again.log


async def start_of(uri: str) -> Ended:
    return await run_command("serve", "--port", "0", "--mongodb-uri", uri, "--database", DATABASE)


@pytest.mark.parametrize(("command", "status"), [("serve", 1), ("doctor", 2)])
async def test_a_wrong_password_is_refused_with_a_sentence(
    mongod: Secured, command: str, status: int
) -> None:
    uri = mongod.uri(SERVICE, database=DATABASE).replace(PASSWORD, "wr0ng")

    ended = await run_command(command, "--mongodb-uri", uri, "--database", DATABASE, PORT="0")

    assert ended.status == status
    assert "does not accept the user and password in MONGODB_URI" in ended.output
    assert "wr0ng" not in ended.output
    assert "Traceback" not in ended.output


async def test_a_connection_string_without_a_user_is_refused_with_a_sentence(
    mongod: Secured,
) -> None:
    uri = mongod.uri(SERVICE, database=DATABASE)
    ended = await start_of(uri.replace(f"{SERVICE}:{PASSWORD}@", "").split("&authSource")[0])

    assert ended.status == 1
    assert "Name a user" in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.parametrize("collection", ["", "teams", "team_changes", "requests", "recorder"])
async def test_a_missing_privilege_is_refused_with_a_sentence(
    mongod: Secured, server: Server, collection: str
) -> None:
    del server  # it has prepared the database
    name, role = new_id("user"), documented_roles()["teamJoiner"]
    privileges = [p for p in role["privileges"] if p["resource"]["collection"] != collection]
    await mongod.run(DATABASE, "createRole", name, privileges=privileges, roles=[])
    await mongod.run(DATABASE, "createUser", name, pwd=PASSWORD, roles=[name])

    ended = await start_of(mongod.uri(name, database=DATABASE))

    assert ended.status == 1
    assert "the role that the README has" in ended.output
    assert PASSWORD not in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("database", "command"),
    [
        (DATABASE, {"delete": "teams", "deletes": [{"q": {}, "limit": 0}]}),
        (DATABASE, {"drop": "team_changes"}),
        (DATABASE, {"dropDatabase": 1}),
        (DATABASE, {"dropIndexes": "teams", "index": "one_team_per_user"}),
        (DATABASE, {"update": "team_changes", "updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}),
        (DATABASE, {"usersInfo": 1}),
        ("admin", {"listDatabases": 1}),
        ("other", {"insert": "things", "documents": [{}]}),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else given,
)
async def test_the_services_database_role_can_neither_delete_nor_read_elsewhere(
    mongod: Secured, server: Server, database: str, command: dict[str, Any]
) -> None:
    del server
    thief: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        mongod.uri(SERVICE, database=DATABASE)
    )

    try:
        if "listDatabases" in command:
            answer = await thief[database].command(command)
            assert [each["name"] for each in answer["databases"]] == [DATABASE]
        else:
            with pytest.raises(OperationFailure, match="not authorized"):
                await thief[database].command(command)
    finally:
        thief.close()


@pytest.fixture
async def damaged(tmp_path: Path) -> AsyncIterator[Secured]:
    """A mongod of its own, whose teams old code has damaged."""
    async with running_secured(tmp_path) as mongod:
        await mongod.run(DATABASE, "insert", "teams", documents=damaged_teams())
        foreign = {"key": {"name": 1}, "name": "foreign", "unique": True, "sparse": True}
        await mongod.run(DATABASE, "createIndexes", "teams", indexes=[foreign])
        yield mongod


async def test_the_doctor_does_all_its_work_with_its_documented_role(damaged: Secured) -> None:
    await admit(damaged, DOCTOR, "teamJoinerDoctor")
    uri = damaged.uri(DOCTOR, database=DATABASE)

    runs = [
        await run_doctor(uri, DATABASE, *arguments)
        for arguments in ([], ["--repair", "--keep", "first-joined"], [], ["--undo"])
    ]

    assert [run.status for run in runs] == [1, 0, 0, 0], [run.errors for run in runs]


@pytest.mark.parametrize("arguments", [[], ["--repair", "--keep", "first-joined"], ["--undo"]])
async def test_a_doctor_without_it_says_so_in_a_sentence(
    mongod: Secured, arguments: list[str]
) -> None:
    await mongod.run(DATABASE, "createUser", user := new_id("nobody"), pwd=PASSWORD, roles=[])

    ended = await run_doctor(mongod.uri(user, database=DATABASE), DATABASE, *arguments)

    assert ended.status == 2
    assert "role" in ended.errors
    assert "Traceback" not in ended.errors
