"""Values that aim at the database or at a reader of JSON: each is refused by a code of its own."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.world import create_team_with
from tests.harness.client import Answer, Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server

TEAM = "query ($v: ID!) { team(id: $v) { id } }"
USER = "query ($v: ID!) { user(id: $v) { id } }"
NAMED = "query ($v: String) { teams(nameContains: $v) { totalCount } }"
AFTER = "query ($v: String) { teams(after: $v) { totalCount } }"
FIRST = "query ($v: Int) { teams(first: $v) { totalCount } }"


@pytest.fixture
async def http(servers: list[Server]) -> AsyncIterator[httpx.AsyncClient]:
    logged = len(servers[0].log)
    async with http_client(base_url=servers[0].url, timeout=15, headers=headers_of()) as http:
        yield http
    assert b"Traceback" not in servers[0].log[logged:]


async def code_of(http: httpx.AsyncClient, query: str, **variables: Any) -> str:
    """The code of the first error."""
    answer: Answer = (
        await http.post("/graphql", json={"query": query, "variables": variables})
    ).json()
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


def document(mutation: str) -> str:
    title = mutation[0].upper() + mutation[1:]
    return f"mutation ($v: {title}Input!) {{ {mutation}(input: $v) {{ __typename }} }}"


@pytest.mark.parametrize("operator", [{"$ne": None}, {"$gt": ""}, {"$where": "1"}, ["$ne"], [[]]])
@pytest.mark.parametrize("query", [TEAM, USER, NAMED, AFTER])
async def test_an_operator_in_the_place_of_an_argument_is_bad_user_input(
    http: httpx.AsyncClient, query: str, operator: object
) -> None:
    assert await code_of(http, query, v=operator) == "BAD_USER_INPUT"


@pytest.mark.parametrize("number", [2**64, 10**25, -(2**70), 1e300])
@pytest.mark.parametrize("query", [USER, FIRST])
async def test_a_number_that_would_be_rounded_is_bad_user_input(
    http: httpx.AsyncClient, query: str, number: float
) -> None:
    assert await code_of(http, query, v=number) == "BAD_USER_INPUT"


async def test_a_number_that_would_be_rounded_is_found_anywhere(http: httpx.AsyncClient) -> None:
    codes = [
        await code_of(http, document("joinTeam"), v={"teamId": 10**25}),
        await code_of(http, USER, v=[10**25]),
        await code_of(http, USER, v="sue", unused={"deep": [{"down": 10**25}]}),
    ]

    assert set(codes) == {"BAD_USER_INPUT"}


async def test_the_largest_integer_of_64_bits_is_exact(http: httpx.AsyncClient) -> None:
    body = {"query": USER, "variables": {"v": 2**64 - 1}}

    response = await http.post("/graphql", json=body)

    assert response.json() == {"data": {"user": {"id": str(2**64 - 1)}}}


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5_000, "-1" + "0" * 400])
async def test_a_huge_integer_in_the_document_is_refused(
    http: httpx.AsyncClient, number: str
) -> None:
    code = await code_of(http, f"{{ teams(first: {number}) {{ totalCount }} }}")

    assert code in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}


@pytest.mark.parametrize("query", [TEAM, USER, NAMED, AFTER])
async def test_a_nul_in_an_argument_is_invalid_input(http: httpx.AsyncClient, query: str) -> None:
    assert await code_of(http, query, v="a\0b") == "INVALID_INPUT"


@pytest.mark.parametrize(
    "body",
    [
        rb'{"query": "query ($v: ID!) { user(id: $v) { id } }", "variables": {"v": "\ud800"}}',
        rb'{"query": "query ($v: ID!) { user(id: $v) { id } }", "variables": {"\udfff": "v"}}',
        b'{"query": "query ($v: ID!) { user(id: $v) { id } }", "variables": {"v": "\xed\xa0\x80"}}',
        rb'{"query": "{ user(id: \"\ud800\") { id } }"}',
    ],
)
async def test_half_a_surrogate_pair_is_a_bad_request(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post(
        "/graphql", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_half_a_surrogate_pair_in_a_document_is_a_syntax_error(
    http: httpx.AsyncClient,
) -> None:
    assert await code_of(http, '{ user(id: "\\uD800") { id } }') == "GRAPHQL_PARSE_FAILED"


async def test_half_a_surrogate_pair_in_a_url_is_no_id(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql?query=%7Buser(id:%22%ED%A0%80%22)%7Bid%7D%7D")

    assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [400, 900])
async def test_variables_may_be_nested_as_deeply_as_json_can_be(
    http: httpx.AsyncClient, opening: str, levels: int
) -> None:
    nested = opening * levels + "1" + ("]" if opening == "[" else "}") * levels
    query = '{"query": "{ viewer { id } }", "variables": {"unused": %s}}' % nested  # noqa: UP031

    response = await http.post(
        "/graphql", content=query, headers={"Content-Type": "application/json"}
    )

    assert response.json() == {"data": {"viewer": {"id": "root"}}}


@pytest.mark.parametrize(
    "parts",
    [["member", True, "x", True, True], ["member", 0, "x", False, 1], ["change", True], True, {}],
)
async def test_a_forged_cursor_is_invalid_input(
    api: Client, http: httpx.AsyncClient, parts: object
) -> None:
    team = await create_team_with(api)
    query = "query ($t: ID!, $v: String) { team(id: $t) { members(after: $v) { totalCount } } }"
    cursor = urlsafe_b64encode(json.dumps(parts).encode()).decode()

    assert await code_of(http, query, t=team["id"], v=cursor) == "INVALID_INPUT"


async def test_a_hostile_name_is_kept_as_the_text_that_it_is(api: Client) -> None:
    team = await create_team_with(api, name='{"$ne": null}')

    assert team["name"] == '{"$ne": null}'
