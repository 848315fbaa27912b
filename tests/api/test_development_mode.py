"""Development mode, which trusts the headers: the hosts that it serves, and its warnings."""

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive, send, subscribe

VIEWER = {"query": "{ viewer { id } }"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("teams.localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("evil.example.com:8000", 403),
        ("127.0.0.1.evil.example.com", 403),
        ("localhost.evil.example.com", 403),
        ("10.0.0.1", 403),
        ('a"b.evil.example.com', 403),
        ("x@localhost", 403),
        ("[::1", 403),
        ("localhost#", 403),
        ("", 403),
    ],
)
async def test_the_mode_for_developers_is_for_names_of_this_machine_alone(
    host: str, status: int, servers: list[Server]
) -> None:
    async with http_client(base_url=servers[0].url) as http:
        response = await http.post("/graphql", json=VIEWER, headers={"Host": host})

    assert response.status_code == status


async def test_a_websocket_under_another_host_name_is_refused_too(servers: list[Server]) -> None:
    name = "evil.example.com"
    async with connect(
        f"ws://{name}/graphql",
        host="127.0.0.1",
        port=servers[0].port,
        origin=Origin(f"http://{name}"),
        subprotocols=[Subprotocol("graphql-transport-ws")],
    ) as socket:
        await send(socket, type="connection_init", payload={"X-User-Id": "root"})
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_the_development_mode_is_logged_as_a_warning(servers: list[Server]) -> None:
    assert b"WARNING" in servers[0].log
    assert b"X-User-Id" in servers[0].log


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:5173", True),
        ("http://127.0.0.1:3000", True),
        ("http://[::1]:8080", True),
        ("https://app.localhost", True),
        ("http://localhost.evil.example.com", False),
        ("http://evil.example.com:8000", False),
        ("http://localhost@evil.example.com", False),
        ("http://localhost:1/x", False),
        ("null", False),
    ],
)
async def test_pages_of_this_machine_may_use_it_from_any_port(
    origin: str, servers: list[Server], *, is_allowed: bool
) -> None:
    asking = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-user-id,x-user-role",
    }
    async with http_client(base_url=servers[0].url) as http:
        preflight = await http.options("/graphql", headers=asking)
        answer = await http.post("/graphql", json=VIEWER, headers={"Origin": origin})
    viewer = None
    try:
        async with connected(servers[0].url, init=False, headers={"Origin": origin}) as socket:
            await send(socket, type="connection_init", payload={"X-User-Id": "sue"})
            assert (await receive(socket))["type"] == "connection_ack"
            await subscribe(socket, VIEWER["query"])
            viewer = (await receive(socket))["payload"]["data"]["viewer"]["id"]
    except InvalidStatus:
        pass

    assert (preflight.status_code == 200) is is_allowed
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if is_allowed else None)
    assert viewer == ("sue" if is_allowed else None)
    told = servers[0].log.count(f"origin '{origin}' was refused".encode())
    assert told == (0 if is_allowed else 1)


async def test_the_mode_for_developers_tells_what_to_send(servers: list[Server]) -> None:
    create = 'mutation { createTeam(input: {name: "A"}) { ... on Problem { message } } }'
    sue = {"X-User-Id": "sue", "X-User-Role": "Admin"}
    async with http_client(base_url=servers[0].url) as http:
        nobody = await http.post(
            "/graphql", json={"query": create}, headers={"Authorization": "Bearer x"}
        )
        query = await http.post("/graphql", json={"query": "{ teams { totalCount } }"})
        not_admin = await http.post("/graphql", json={"query": create}, headers=sue)

    assert "X-User-Id: sue" in nobody.json()["data"]["createTeam"]["message"]
    assert "X-User-Id: sue" in query.json()["errors"][0]["message"]
    advice = not_admin.json()["data"]["createTeam"]["message"]
    assert "X-User-Role: admin" in advice
    assert "no other role gives rights, and tokens are ignored" in advice
    assert b"X-User-Role: 'Admin' gives no rights" in servers[0].log
    assert b"A token was ignored" in servers[0].log
