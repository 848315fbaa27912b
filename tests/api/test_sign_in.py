"""Signing in with a token, over every transport, until it expires."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.api.world import new_id, own_server, signed_out
from tests.harness.commands import run_command
from tests.harness.http import http_client
from tests.harness.metrics import read_metrics
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import close_code, connected, receive, send, subscribe
from tests.harness.tokens import (
    AUDIENCE,
    ISSUER,
    SECRET,
    Provider,
    bearer,
    with_rsa_key,
    with_secret,
)
from tests.harness.waiting import eventually

VIEWER = {"query": "{ viewer { id } }"}
ALL_CHANGES = "subscription { allTeamChanges { version } }"
TOKENS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_LEEWAY_SECONDS": "0"}


server = own_server(**TOKENS, JWT_SECRET=SECRET)
headers = signed_out


async def test_a_token_names_the_viewer(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json=VIEWER, headers=bearer(with_secret().token("sue")))

    assert response.json() == {"data": {"viewer": {"id": "sue"}}}


async def test_nothing_else_names_the_viewer(http: httpx.AsyncClient) -> None:
    headers = {"X-User-Id": "sue", "X-User-Role": "admin"}

    response = await http.post("/graphql", json=VIEWER, headers=headers)

    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (with_secret("another secret that is long enough").token(), "UNAUTHENTICATED"),
        (with_secret().token(lasts_seconds=-60), "TOKEN_EXPIRED"),
        (with_secret().token(aud="another-service"), "UNAUTHENTICATED"),
        ("nonsense", "UNAUTHENTICATED"),
    ],
    ids=["wrong key", "expired", "wrong audience", "nonsense"],
)
async def test_a_token_that_is_not_valid_is_refused_before_anything_is_done(
    token: str, code: str, http: httpx.AsyncClient
) -> None:
    response = await http.post("/graphql", json=VIEWER, headers=bearer(token))

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == code
    assert "secret" not in error["message"].lower()


async def test_an_admins_token_may_what_admins_may(http: httpx.AsyncClient) -> None:
    create = 'mutation { createTeam(input: {name: "A"}) { __typename } }'

    outcomes = []
    roles: tuple[dict[str, Any], ...] = ({"role": "admin"}, {"role": "user"})
    for claims in roles:
        headers = bearer(with_secret().token("sue", **claims))
        answer = (await http.post("/graphql", json={"query": create}, headers=headers)).json()
        outcomes.append(answer["data"]["createTeam"]["__typename"])

    assert outcomes == ["CreateTeamSuccess", "NotAllowed"]


async def test_a_websocket_signs_in_with_connection_init(server: Server) -> None:
    async with connected(server.url, init=False, headers={}) as socket:
        hello = {"Authorization": f"Bearer {with_secret().token('sue')}"}
        await send(socket, type="connection_init", payload=hello)
        acknowledged = await receive(socket)
        await subscribe(socket, VIEWER["query"])
        answer = await receive(socket)

    assert acknowledged["type"] == "connection_ack"
    assert answer["payload"]["data"] == {"viewer": {"id": "sue"}}


async def test_a_websocket_with_a_token_that_is_not_valid_is_forbidden(server: Server) -> None:
    code, _ = await closed_at_init(server, "nonsense")

    assert code == 4403


async def closed_at_init(server: Server, token: str) -> tuple[int, str]:
    """The code and the reason with which somebody is turned away."""
    async with connected(server.url, init=False, headers={}) as socket:
        await send(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def test_a_connection_init_with_an_expired_token_is_closed_as_retryable(
    mongodb_uri: str,
) -> None:
    given = {**TOKENS, "JWT_SECRET": SECRET, "METRICS_PORT": "0"}
    async with running_servers(1, mongodb_uri, new_id("test"), **given) as (server,):
        code, reason = await closed_at_init(server, with_secret().token(lasts_seconds=-60))
        metrics = await read_metrics(server)

    assert (code, reason.partition(":")[0]) == (4440, "TOKEN_EXPIRED")
    assert metrics.value("operations_total", outcome="TOKEN_EXPIRED") == 1


async def test_a_websocket_is_closed_as_retryable_while_keys_are_unavailable(
    mongodb_uri: str,
) -> None:
    given = {**TOKENS, "JWT_JWKS_URL": "http://127.0.0.1:9/"}
    async with running_servers(1, mongodb_uri, new_id("test"), **given) as (server,):
        code, reason = await closed_at_init(server, with_rsa_key("a").token())

    assert (code, reason.partition(":")[0]) == (1013, "AUTHENTICATION_UNAVAILABLE")


async def test_a_websocket_is_closed_with_its_own_code_when_the_token_expires(
    server: Server,
) -> None:
    async with connected(server.url, init=False, headers={}) as socket:
        token = with_secret().token("sue", lasts_seconds=1.5)
        await send(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
        await receive(socket)
        await subscribe(socket, ALL_CHANGES)

        assert await close_code(socket) == 4440
        assert (socket.close_reason or "").startswith("TOKEN_EXPIRED: ")


async def test_a_stream_of_events_ends_with_a_code_when_the_token_expires(
    http: httpx.AsyncClient,
) -> None:
    headers = {
        **bearer(with_secret().token("sue", lasts_seconds=1.5)),
        "Accept": "text/event-stream",
    }

    response = await http.post("/graphql", json={"query": ALL_CHANGES}, headers=headers)

    payloads = [line for line in response.text.splitlines() if line.startswith("data: {")]
    (error,) = json.loads(payloads[-1].removeprefix("data: "))["errors"]
    assert error["extensions"]["code"] == "TOKEN_EXPIRED"
    assert "event: complete" in response.text


async def test_the_root_leads_to_the_page_at_graphql(http: httpx.AsyncClient) -> None:
    """In development mode the board is there instead."""
    response = await http.get("/", follow_redirects=True, headers={"Accept": "text/html"})

    assert response.url.path == "/graphql"
    assert response.status_code == 200


async def publish(published: Sequence[Provider]) -> tuple[asyncio.Server, str]:
    """A server that answers with these keys to whatever it is asked, and its host and port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"keys": [provider.jwk for provider in published]}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    provider = await asyncio.start_server(answer, "127.0.0.1", 0)
    return provider, f"127.0.0.1:{provider.sockets[0].getsockname()[1]}"


async def test_keys_rotate_without_a_restart(mongodb_uri: str) -> None:
    """A real server fetches from a real URL; the old key serves until the new one is there."""
    old, new = with_rsa_key("old"), with_rsa_key("new")
    published: list[Provider] = [old]
    provider, host = await publish(published)
    given = {**TOKENS, "JWT_JWKS_URL": f"http://{host}/keys"}
    async with (
        provider,
        running_servers(1, mongodb_uri, new_id("test"), **given) as (server,),
        http_client(base_url=server.url, timeout=15) as http,
    ):

        async def serves(key: Provider) -> bool:
            response = await http.post("/graphql", json=VIEWER, headers=bearer(key.token()))
            return response.status_code == 200

        assert await serves(old)
        published[:] = [new]
        await eventually(lambda: serves(new))
        assert not await serves(old)
        provider.close()
        assert await serves(new)


async def test_the_url_of_the_keys_which_may_hold_a_password_is_not_logged(
    mongodb_uri: str,
) -> None:
    key, secret = with_rsa_key("a"), new_id("secret")
    provider, host = await publish([key])
    url = f"http://sue:{secret}@{host}/keys?key={secret}"
    given = {**TOKENS, "JWT_JWKS_URL": url, "LOG_LEVEL": "debug"}
    async with (
        provider,
        running_servers(1, mongodb_uri, new_id("test"), **given) as (server,),
        http_client(base_url=server.url, timeout=15) as http,
    ):
        response = await http.post("/graphql", json=VIEWER, headers=bearer(key.token()))

    assert response.status_code == 200
    assert secret.encode() not in server.log
    assert host.encode() not in server.log


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"HOST": "0.0.0.0"}, "loopback"),
        ({"HOST": "::"}, "loopback"),
        ({"JWT_SECRET": "short"}, "JWT_ISSUER"),
        ({**TOKENS, "JWT_SECRET": "short"}, "32 bytes"),
        ({**TOKENS, "JWT_SECRET": SECRET, "JWT_JWKS_URL": "https://x.example"}, "Only one of"),
        ({**TOKENS, "JWT_JWKS_URL": "http://x.example"}, "https://"),
        ({**TOKENS, "JWT_KEY_FILE": __file__}, "PEM"),
        ({"ALLOWED_ORIGINS": "example.com"}, "origins"),
    ],
    ids=str,
)
async def test_a_server_refuses_to_start_with_a_sentence(given: dict[str, Any], said: str) -> None:
    ended = await run_command("serve", "--mongodb-uri", "mongodb://127.0.0.1:9/", PORT="0", **given)

    assert ended.status == 2
    assert said in ended.output
    assert "Traceback" not in ended.output
    assert SECRET not in ended.output
