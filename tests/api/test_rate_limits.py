"""A server that allows one operation a second, ten at once, to a user and to an address."""

import re
from typing import Any

import httpx
import pytest

from tests.api.world import new_id, own_server, signed_out
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe

BURST = 10
LIMITS = {
    "MAX_OPERATIONS_PER_SECOND_PER_USER": "1",
    "MAX_OPERATIONS_PER_SECOND_PER_ADDRESS": "1",
    "TRUSTED_PROXIES": "127.0.0.1",
    "MAX_BATCH_SIZE": "20",
}
VIEWER = {"query": "{ viewer { id } }"}


server = own_server(**LIMITS)
headers = signed_out


def from_address(address: str, user: str | None = None) -> dict[str, str]:
    """The headers of a request that a proxy passes on."""
    return {"X-Forwarded-For": address} | ({"X-User-Id": user} if user else {})


def new_address() -> str:
    """An address that no other test uses."""
    return f"2001:db8:{int(new_id().removeprefix('user-')[:4], 16):x}:{id(object()) & 0xFFFF:x}::1"


async def ask(
    http: httpx.AsyncClient, headers: dict[str, str], body: Any = VIEWER
) -> httpx.Response:
    return await http.post("/graphql", json=body, headers=headers)


async def test_an_address_above_its_rate_is_refused_with_a_wait(http: httpx.AsyncClient) -> None:
    headers = from_address(new_address())

    answers = [await ask(http, headers) for _ in range(3 * BURST)]

    assert [answer.status_code for answer in answers[:BURST]] == [200] * BURST
    refused = next(answer for answer in answers if answer.status_code != 200)
    (error,) = refused.json()["errors"]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": 1}
    assert refused.headers["X-Request-Id"]


async def test_every_answer_says_how_many_operations_are_left(http: httpx.AsyncClient) -> None:
    user = new_id()
    headers = from_address(new_address(), user)

    first = await ask(http, headers)
    malformed = await ask(http, headers, {})
    page = await http.get("/graphql", headers=headers | {"Accept": "text/html"})
    refused = await ask(http, headers, [VIEWER] * BURST)
    anonymous = await ask(http, from_address(new_address()))

    policies = '"address";q=10;w=10, "user";q=10;w=10'
    assert first.headers["RateLimit-Policy"] == policies
    assert first.headers["RateLimit"] == '"address";r=9;t=1, "user";r=9;t=1'
    for answer in (malformed, page):
        assert re.match(r'"address";r=[6-9];t=[1-4]', answer.headers["RateLimit"])
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"] == policies
    assert refused.headers["RateLimit"].endswith(f"t={refused.headers['Retry-After']}")
    assert anonymous.headers["RateLimit"] == '"address";r=9;t=1'


async def test_answers_elsewhere_say_nothing_of_rates(http: httpx.AsyncClient) -> None:
    answer = await http.get("/readyz", headers=from_address(new_address()))

    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.1:80"])
async def test_a_forwarded_loopback_address_is_limited(
    http: httpx.AsyncClient, address: str
) -> None:
    answers = [await ask(http, from_address(address)) for _ in range(2 * BURST)]

    assert 429 in {answer.status_code for answer in answers}


async def test_a_user_is_limited_wherever_the_requests_come_from(
    http: httpx.AsyncClient,
) -> None:
    user = new_id()

    answers = [await ask(http, from_address(new_address(), user)) for _ in range(3 * BURST)]
    other = await ask(http, from_address(new_address(), new_id()))

    refused = next(answer for answer in answers if answer.status_code != 200)
    assert [answer.status_code for answer in answers[:BURST]] == [200] * BURST
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert other.status_code == 200


async def test_each_operation_of_a_batch_counts(http: httpx.AsyncClient) -> None:
    headers = from_address(new_address())

    first = await ask(http, headers, [VIEWER] * (BURST - 1))
    second = await ask(http, headers, [VIEWER] * (BURST - 1))

    assert (first.status_code, second.status_code) == (200, 429)


async def test_mutations_and_invalid_requests_count_as_well(http: httpx.AsyncClient) -> None:
    headers = from_address(new_address())
    create = {"query": 'mutation { createTeam(input: {name: "Red"}) { __typename } }'}

    answers = [await ask(http, headers, body) for body in [create, {}, "nonsense"] * BURST]

    assert answers[0].status_code == 200
    assert {answer.status_code for answer in answers[1:3]} == {400}
    assert 429 in {answer.status_code for answer in answers}


async def test_health_checks_are_never_rate_limited(http: httpx.AsyncClient) -> None:
    headers = from_address(new_address())

    answers = [
        await http.get(path, headers=headers) for path in ["/healthz", "/readyz"] * 2 * BURST
    ]

    assert {answer.status_code for answer in answers} == {200}


async def test_reservations_of_streams_count_for_the_user(http: httpx.AsyncClient) -> None:
    user = new_id()

    answers = [
        await http.put("/graphql", headers=from_address(new_address(), user))
        for _ in range(2 * BURST)
    ]

    assert answers[0].status_code == 201
    assert answers[-1].status_code == 429
    assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_over_websocket_the_operation_is_refused_and_the_connection_stays(
    server: Server,
) -> None:
    async with connected(server.url, headers=from_address(new_address(), new_id())) as socket:
        messages = []
        for number in range(2 * BURST):
            await subscribe(socket, VIEWER["query"], operation_id=str(number))
            messages.append(await receive(socket))
            if messages[-1]["type"] == "next":
                assert (await receive(socket))["type"] == "complete"

    refused = next(message for message in messages if message["type"] == "error")
    assert messages[0]["type"] == "next"
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_websockets_of_an_address_are_limited_from_the_start(server: Server) -> None:
    headers = from_address(new_address())
    async with http_client(base_url=server.url) as http:
        while (await ask(http, headers)).status_code == 200:
            pass

    with pytest.raises(Exception, match="429"):
        async with connected(server.url, headers=headers):
            pass


async def test_an_address_forged_by_a_client_is_ignored(mongodb_uri: str) -> None:
    limits = {**LIMITS, "TRUSTED_PROXIES": ""}
    async with (
        running_servers(1, mongodb_uri, new_id("test"), **limits) as (server,),
        http_client(base_url=server.url) as http,
    ):
        headers = from_address(new_address())

        answers = [await ask(http, headers) for _ in range(3 * BURST)]

    # All come from loopback, which has no limit.
    assert {answer.status_code for answer in answers} == {200}
