"""Values that do not fit their types: one code and the field, however they are sent."""

import json
from typing import Any

import pytest

from tests.harness.client import headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server

CREATE = "mutation ($v: CreateTeamInput!) { createTeam(input: $v) { __typename } }"


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)


@pytest.mark.parametrize("way", ["variable", "literal"])
@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"name": "A", "capacity": 2**31}, "input.capacity", "32-bit"),
        ({"name": "A", "capacity": -(2**31) - 1}, "input.capacity", "32-bit"),
        ({"name": "A", "capacity": "4"}, "input.capacity", "non-integer"),
        ({"name": "A", "capacity": True}, "input.capacity", "non-integer"),
        ({"name": "A", "capacity": [4]}, "input.capacity", "non-integer"),
        ({"name": 5}, "input.name", "String"),
        ({"name": ["A"]}, "input.name", "String"),
        ({"capacity": 4}, "input", "'name'"),
        ({"name": "A", "size": 4}, "input", "'size'"),
        ([], "input", "object"),
        ("A", "input", "object"),
        (None, "input", "CreateTeamInput!"),
    ],
)
async def test_a_value_is_refused_alike_in_variables_and_in_the_document(
    servers: list[Server], given: Any, field: str, said: str, way: str
) -> None:
    body: dict[str, Any] = {"query": CREATE, "variables": {"v": given}}
    if way == "literal":
        body = {"query": f"mutation {{ createTeam(input: {literal(given)}) {{ __typename }} }}"}
    async with http_client(base_url=servers[0].url, headers=headers_of()) as http:
        response = await http.post("/graphql", json=body)

    error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_USER_INPUT", error
    assert error["extensions"]["field"] == field
    assert error["message"].startswith(f"The value of `{field}` does not fit: ")
    assert said in error["message"]
    assert error["locations"]


@pytest.mark.parametrize(
    ("query", "variables", "field"),
    [
        ("query ($n: Int) { teams(first: $n) { totalCount } }", {"n": "4"}, "first"),
        ("query ($n: Int = true) { teams(first: $n) { totalCount } }", {}, "$n"),
        (
            'mutation ($n: Int) { createTeam(input: {name: "A", capacity: $n}) { __typename } }',
            {"n": 2**31},
            "input.capacity",
        ),
        (CREATE, {}, "input"),
    ],
)
async def test_the_field_is_that_which_the_variable_is_for(
    servers: list[Server], query: str, variables: dict[str, Any], field: str
) -> None:
    async with http_client(base_url=servers[0].url, headers=headers_of()) as http:
        response = await http.post("/graphql", json={"query": query, "variables": variables})

    extensions = response.json()["errors"][0]["extensions"]
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", field)
