"""Data that another program has damaged while a server runs: nobody but the operator is told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.storage.client import Client as DriverClient
from tests.api.world import new_id
from tests.harness.client import Client, ServerError
from tests.harness.metrics import read_metrics
from tests.harness.servers import Server, running_servers

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


async def test_a_stored_value_of_the_wrong_type_is_our_fault_and_is_not_quoted(
    server: Server, api: Client, client: DriverClient, database: str
) -> None:
    secret = new_id("secret")
    team_id = await insert_damaged(client, database, name={"is": secret})

    with pytest.raises(ServerError) as fault:
        await api.execute(NAME, {"id": team_id})

    assert fault.value.code == "INTERNAL_SERVER_ERROR"
    assert secret not in str(fault.value)
    assert secret.encode() in server.log


async def test_the_count_of_internal_errors_stands_at_0_before_the_first(
    mongodb_uri: str, client: DriverClient
) -> None:
    database = new_id("test")
    async with (
        running_servers(1, mongodb_uri, database, METRICS_PORT="0") as (server,),
        Client(server.url) as api,
    ):
        before = await read_metrics(server)
        team_id = await insert_damaged(client, database, name={})
        with pytest.raises(ServerError):
            await api.execute(NAME, {"id": team_id})
        after = await read_metrics(server)

    assert "team_joiner_internal_errors_total 0.0" in before.text
    assert after.value("internal_errors_total") == 1
