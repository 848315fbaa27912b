"""Values that aim at the database or at a reader of JSON: each is refused by a code of its own."""

from typing import Any

import httpx
import pytest

from tests.harness.client import Answer

TEAM = "query ($v: ID!) { team(id: $v) { id } }"
USER = "query ($v: ID!) { user(id: $v) { id } }"
NAMED = "query ($v: String) { teams(nameContains: $v) { totalCount } }"
AFTER = "query ($v: String) { teams(after: $v) { totalCount } }"


async def code_of(http: httpx.AsyncClient, query: str, **variables: Any) -> str:
    answer: Answer = (
        await http.post("/graphql", json={"query": query, "variables": variables})
    ).json()
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


@pytest.mark.parametrize("operator", [{"$ne": None}, {"$gt": ""}, {"$where": "1"}, ["$ne"], [[]]])
@pytest.mark.parametrize("query", [TEAM, USER, NAMED, AFTER])
async def test_an_operator_in_the_place_of_an_argument_is_bad_user_input(
    http: httpx.AsyncClient, query: str, operator: object
) -> None:
    assert await code_of(http, query, v=operator) == "BAD_USER_INPUT"


async def test_the_largest_integer_of_64_bits_is_exact(http: httpx.AsyncClient) -> None:
    body = {"query": USER, "variables": {"v": 2**64 - 1}}

    response = await http.post("/graphql", json=body)

    assert response.json() == {"data": {"user": {"id": str(2**64 - 1)}}}


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
