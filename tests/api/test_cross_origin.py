"""Pages of other origins: simple requests change nothing, and only allowed origins may read."""

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.api.world import own_server, signed_out
from tests.harness.servers import Server
from tests.harness.subscriber import connected
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET, bearer, with_secret

VIEWER = {"query": "{ viewer { id } }"}
ORIGIN = "https://app.example.com"
TOKENS = {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE, "JWT_LEEWAY_SECONDS": "0"}


server = own_server(**TOKENS, JWT_SECRET=SECRET, ALLOWED_ORIGINS=ORIGIN)
headers = signed_out


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_request_without_a_preflight_changes_nothing(
    content_type: str, http: httpx.AsyncClient
) -> None:
    create = json.dumps({"query": 'mutation { createTeam(input: {name: "A"}) { __typename } }'})
    headers = {**bearer(with_secret().token(role="admin")), "Content-Type": content_type}

    response = await http.post("/graphql", content=create, headers=headers)

    assert response.status_code == 415


async def test_a_page_of_an_allowed_origin_may_ask_and_read(http: httpx.AsyncClient) -> None:
    preflight = await http.options(
        "/graphql",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-include-cost",
        },
    )
    answer = await http.post("/graphql", json=VIEWER, headers={"Origin": ORIGIN})

    assert preflight.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"} <= {*exposed}


async def test_a_page_of_another_origin_is_refused(http: httpx.AsyncClient) -> None:
    other = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}

    preflight = await http.options("/graphql", headers=other)

    assert preflight.status_code == 400
    assert "Access-Control-Allow-Origin" not in preflight.headers


async def test_a_websocket_of_another_origin_is_refused(server: Server) -> None:
    async with connected(server.url, init=False, headers={"Origin": ORIGIN}):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with connected(
            server.url, init=False, headers={"Origin": "https://evil.example.com"}
        ):
            pass

    assert refused.value.response.status_code == 403
