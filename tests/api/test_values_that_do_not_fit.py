"""Values of the wrong type: one error code and the field, in variables and documents alike."""

import json
from typing import Any

import httpx
import pytest

UPDATE = "mutation ($v: UpdateTeamInput!) { updateTeam(input: $v) { __typename } }"
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
async def test_an_invalid_value_is_refused_alike_in_variables_and_documents(
    http: httpx.AsyncClient, given: Any, field: str, said: str, way: str
) -> None:
    body: dict[str, Any] = {"query": CREATE, "variables": {"v": given}}
    if way == "literal":
        body = {"query": f"mutation {{ createTeam(input: {literal(given)}) {{ __typename }} }}"}
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
async def test_the_error_names_the_field_that_the_variable_is_used_for(
    http: httpx.AsyncClient, query: str, variables: dict[str, Any], field: str
) -> None:
    response = await http.post("/graphql", json={"query": query, "variables": variables})

    extensions = response.json()["errors"][0]["extensions"]
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", field)


@pytest.mark.parametrize(
    ("query", "variables", "field"),
    [
        (CREATE, {"v": {"name": "A", "capacity": 10**30}}, "input.capacity"),
        (CREATE, {"v": {"name": "A", "requestId": -(2**70)}}, "input.requestId"),
        (CREATE, {"v": {"name": "A", "tags": [1, {"deep": 1e300}]}}, "input.tags.1.deep"),
        ("query ($n: Int) { teams(first: $n) { totalCount } }", {"n": 10**30}, "first"),
        ("query ($n: Int) { teams(first: $n) { totalCount } }", {"m": 10**30}, "$m"),
    ],
)
async def test_an_inexact_number_is_refused_with_its_field(
    http: httpx.AsyncClient, query: str, variables: dict[str, Any], field: str
) -> None:
    response = await http.post("/graphql", json={"query": query, "variables": variables})

    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert "too large to be read exactly" in error["message"]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (UPDATE, {"v": {"teamId": "a", "expectedVersion": 1, "name": None}}),
        (
            'mutation { updateTeam(input: {teamId: "a", expectedVersion: 1, name: null})'
            " { __typename } }",
            {},
        ),
        (
            "mutation ($n: String) { updateTeam(input: {teamId: 1, expectedVersion: 1, name: $n})"
            " { __typename } }",
            {"n": None},
        ),
    ],
)
async def test_a_null_name_is_refused_alike_in_variables_and_documents(
    http: httpx.AsyncClient, query: str, variables: dict[str, Any]
) -> None:
    response = await http.post("/graphql", json={"query": query, "variables": variables})

    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "input.name"}
    assert error["message"] == (
        "The value of `input.name` does not fit: it can't be null; leave it out to keep the name."
    )
    assert error["path"] == ["updateTeam"]
