"""The `gql` package, a client in Python, as it is published."""

import asyncio
from collections.abc import Callable

import pytest
from gql import Client, GraphQLRequest
from gql.transport import AsyncTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.api.world import new_id
from tests.harness.client import headers_of
from tests.harness.servers import Server

CREATE = (
    "mutation ($input: CreateTeamInput!) { createTeam(input: $input)"
    " { ... on CreateTeamSuccess { team { id version } } } }"
)
RENAME = "mutation ($input: UpdateTeamInput!) { updateTeam(input: $input) { __typename } }"
FEED = "subscription ($id: ID!) { teamChanges(teamId: $id, afterVersion: 0) { version } }"


def asked(text: str, **variables: object) -> GraphQLRequest:
    return GraphQLRequest(text, variable_values=variables)


def http(server: Server) -> AsyncTransport:
    return HTTPXAsyncTransport(url=f"{server.url}/graphql", headers=headers_of())


def websocket(server: Server) -> WebsocketsTransport:
    url = server.url.replace("http", "ws")
    return WebsocketsTransport(url=f"{url}/graphql", init_payload=headers_of())


@pytest.mark.parametrize("transport", [http, websocket])
async def test_gql_asks_and_changes(
    servers: list[Server], transport: Callable[[Server], AsyncTransport]
) -> None:
    client = Client(transport=transport(servers[0]), fetch_schema_from_transport=True)
    async with asyncio.timeout(15), client as session:
        viewer = await session.execute(asked("{ viewer { id } }"))
        created = await session.execute(asked(CREATE, input={"name": new_id()}))
        with pytest.raises(TransportQueryError) as refusal:
            await session.execute(asked(CREATE, input={"name": 5}))

    assert viewer == {"viewer": {"id": "root"}}
    assert created["createTeam"]["team"]["version"] == 1
    assert refusal.value.errors
    assert refusal.value.errors[0]["extensions"]["field"] == "input.name"


async def test_gql_follows_a_feed(servers: list[Server]) -> None:
    versions = []
    async with asyncio.timeout(15), Client(transport=websocket(servers[0])) as session:
        created = await session.execute(asked(CREATE, input={"name": new_id()}))
        team_id = created["createTeam"]["team"]["id"]
        rename = {"teamId": team_id, "name": "Renamed", "expectedVersion": 1}
        async for change in session.subscribe(asked(FEED, id=team_id)):
            versions.append(change["teamChanges"]["version"])
            if len(versions) == 2:
                break
            await session.execute(asked(RENAME, input=rename))
        with pytest.raises(TransportQueryError) as refusal:
            async for _ in session.subscribe(asked(FEED, id="0" * 24)):
                pass

    assert versions == [1, 2]
    assert refusal.value.errors
    assert refusal.value.errors[0]["extensions"]["code"] == "TEAM_NOT_FOUND"
