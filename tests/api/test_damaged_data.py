"""Data that an external writer has damaged: clients do not see what it holds."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import APPLICATION
from app.embedded.database import embedded_database
from app.storage.client import Client as DriverClient
from app.storage.client import close, connect
from tests.api.world import new_id
from tests.harness.client import Client, ServerError
from tests.harness.commands import communicate
from tests.harness.metrics import read_metrics
from tests.harness.servers import Server, running_servers

DEADLINE_SECONDS = 30
NAME = "query Name($id: ID!) { team(id: $id) { name } }"


@pytest.fixture(scope="module")
def database() -> str:
    return new_id("test")


@pytest.fixture(scope="module")
async def server(mongodb_uri: str, database: str) -> AsyncIterator[Server]:
    async with running_servers(1, mongodb_uri, database) as (server,):
        yield server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as api:
        yield api


async def insert_damaged(client: DriverClient, database: str, **fields: Any) -> str:
    """The id of a team that our validator would have refused."""
    team = {"_id": new_id("team"), "name": "Red", "userIds": [], "version": 1, **fields}
    await client[database].teams.insert_one(team, bypass_document_validation=True)
    return str(team["_id"])


async def test_what_a_damaged_team_holds_is_not_quoted(
    server: Server, api: Client, client: DriverClient, database: str
) -> None:
    secret = new_id("secret")
    team_id = await insert_damaged(client, database, version={"is": secret})

    with pytest.raises(ServerError) as fault:
        await api.execute(NAME, {"id": team_id})

    assert fault.value.code == "TEAM_DAMAGED"
    assert secret not in str(fault.value)
    assert team_id.encode() in server.log


async def test_a_damaged_team_that_a_gateway_refers_to_takes_no_other_away(
    api: Client, client: DriverClient, database: str
) -> None:
    ids = [
        (await api.create_team())["id"],
        await insert_damaged(client, database, version={}),
        (await api.create_team())["id"],
    ]
    query = """query ($references: [_Any!]!) {
        _entities(representations: $references) { ... on Team { id } }
    }"""
    references = [{"__typename": "Team", "id": each} for each in ids]

    answer = (await api.post({"query": query, "variables": {"references": references}})).json()

    assert answer["data"]["_entities"] == [{"id": ids[0]}, None, {"id": ids[2]}]
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["_entities", 1], {"code": "TEAM_DAMAGED"})


async def test_the_count_of_internal_errors_stands_at_0_and_damage_is_none(
    mongodb_uri: str, client: DriverClient
) -> None:
    database = new_id("test")
    async with (
        running_servers(1, mongodb_uri, database, METRICS_PORT="0") as (server,),
        Client(server.url) as api,
    ):
        team_id = await insert_damaged(client, database, version={})
        with pytest.raises(ServerError):
            await api.execute(NAME, {"id": team_id})
        after = await read_metrics(server)

    assert after.value("internal_errors_total") == 0


async def end_of(server: Server) -> int:
    """The exit status of a server that ends by itself; its log is whole then."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        status = await server.wait()
    await server.stop()
    return status


@pytest.mark.parametrize(("log_format", "workers"), [("text", "1"), ("json", "1"), ("json", "2")])
async def test_damage_found_after_the_start_keeps_user_ids_out_of_the_log(
    tmp_path: Path, log_format: str, workers: str
) -> None:
    database = ExitStack()
    uri = await asyncio.to_thread(database.enter_context, embedded_database(tmp_path))
    await put_on_two_teams(uri, "teams", "sue-4711")
    # Started anew it prefers the same port.
    await asyncio.to_thread(database.close)
    settings = {"REQUEST_TIMEOUT_SECONDS": "0.5", "LOG_FORMAT": log_format, "WORKERS": workers}
    server = Server(uri, "teams", **settings)

    await server.start()
    try:
        again = embedded_database(tmp_path)
        assert await asyncio.to_thread(database.enter_context, again) == uri
        status = await end_of(server)
    finally:
        await server.stop()
        await asyncio.to_thread(database.close)

    assert status == 1
    assert b"the data in teams.teams breaks the rules" in server.log
    assert b"doctor" in server.log
    assert (b"sue-4711" in server.log) == (log_format == "text")
    assert b"Traceback" not in server.log


async def test_damaged_data_ends_another_asgi_server_without_a_traceback(
    mongodb_uri: str,
) -> None:
    database = new_id("test")
    await put_on_two_teams(mongodb_uri, database, "sue-4711")
    given = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database, "LOG_FORMAT": "json"}

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--factory", APPLICATION, "--port", "0"),
        env=os.environ | given,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await communicate(process, timeout_seconds=DEADLINE_SECONDS)

    assert b"breaks the rules" in output
    assert b"sue-4711" not in output
    assert b"Traceback" not in output


async def put_on_two_teams(uri: str, database: str, user_id: str) -> None:
    client = connect(uri, timeout_seconds=10)
    teams = [{"name": name, "userIds": [user_id], "version": 1} for name in ("Red", "Blue")]
    await client[database].teams.insert_many(teams)
    await close(client)
