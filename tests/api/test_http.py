"""Malformed and hostile HTTP requests: each gets a clean answer, and the server keeps serving."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.world import new_id
from tests.harness.client import ADMIN, Answer, Client

JSON = {"Content-Type": "application/json"}
WHO = "{ viewer { id } }"
USER = "query ($id: ID!) { user(id: $id) { id } }"

INSIDES = ("Traceback", "File ", "line ", "pymongo", "strawberry", "graphql.", "KeyError", "0x")


def refused_code(response: httpx.Response, status_code: int) -> str:
    """The code of an answer that is nothing but errors without internals."""
    assert response.status_code == status_code, response.text
    assert response.headers["Content-Type"] == "application/json"
    answer: Answer = response.json()
    assert not answer.get("data")
    assert not any(inside in response.text for inside in INSIDES), response.text
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{nope",
        b"query { viewer { id } }",
        b"5",
        b'"{ viewer { id } }"',
        b"null",
        b"{}",
        b'{"query": ""}',
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ["{ viewer { id } }"]}',
        b'{"query": "{ viewer { id } }", "variables": [1]}',
        b'{"query": "{ viewer { id } }", "variables": "x"}',
        b'{"query": "{ viewer { id } }", "operationName": "Unknown"}',
        b'{"query": "{ viewer { id } }", "operationName": 5}',
        b'{"query": "\xff\xfe"}',
        b"\x1f\x8b\x08\x00",
        b"[" * 100_000,
        b'{"query": "{ viewer { id } }", "variables": {"id": "\\ud800"}}',
        b'{"query": "{ viewer { id } }", "variables": {"first": 1e999}}',
    ],
)
async def test_a_body_that_is_no_request_is_a_bad_request(
    http: httpx.AsyncClient, body: bytes
) -> None:
    response = await http.post("/graphql", content=body, headers=JSON)

    assert refused_code(response, 400) == "BAD_REQUEST"


async def test_a_body_within_the_limit_is_read_however_it_is_sent(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"query": "{ viewer { id } }"'
        for _ in range(40):
            yield b" " * 20_000
        yield b"}"

    response = await http.post("/graphql", content=chunks(), headers=JSON)

    assert response.json() == {"data": {"viewer": {"id": ADMIN}}}


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_another_method_is_not_allowed(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", json={"query": WHO})

    assert refused_code(response, 405) == "BAD_REQUEST"
    assert response.headers["Allow"] == "GET, POST, PUT, DELETE"


@pytest.mark.parametrize("variables", ["{", "5", "[1]"])
async def test_variables_by_get_that_are_no_object_are_a_bad_request(
    http: httpx.AsyncClient, variables: str
) -> None:
    response = await http.get("/graphql", params={"query": USER, "variables": variables})

    assert refused_code(response, 400) == "BAD_REQUEST"


async def test_a_mutation_by_get_changes_nothing(http: httpx.AsyncClient, api: Client) -> None:
    name = new_id("team")
    mutation = f'mutation {{ createTeam(input: {{ name: "{name}" }}) {{ __typename }} }}'

    response = await http.get("/graphql", params={"query": mutation})

    found = await api.execute(f'{{ teams(nameContains: "{name}") {{ totalCount }} }}')
    assert refused_code(response, 405) == "BAD_REQUEST"
    assert found["teams"]["totalCount"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { ...Self } } fragment Self on User { team { members { ...Self } } }",
        "{ ...Self } fragment Self on Query { ...Self }",
        "{ viewer { ...Nobody } }",
        "{ nope }",
        "{ viewer { id ",
        "{ viewer\0 { id } }",
        '{ user(id: "\\uD800") { id } }',
        "subscription { teamChanges { version } }",
        "{ teams(orderBy: NOPE) { totalCount } }",
        f"{{ teams(first: {'9' * 5_000}) {{ totalCount }} }}",
        '{ user(id: {ne: "sue"}) { id } }',
        'mutation { createTeam(input: { name: "x", version: 5 }) { __typename } }',
    ],
)
async def test_a_document_beyond_the_schema_is_refused_unexecuted(
    http: httpx.AsyncClient, query: str
) -> None:
    response = await http.post("/graphql", json={"query": query})

    code = refused_code(response, 200)
    assert code in {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}


@pytest.mark.parametrize("user_id", [b"a b", b"$ne", "sué".encode(), b"\xff", b"x" * 129, b'"'])
async def test_a_viewer_who_is_no_id_is_a_bad_request(
    http: httpx.AsyncClient, user_id: bytes
) -> None:
    response = await http.post("/graphql", json={"query": WHO}, headers={b"X-User-Id": user_id})

    assert refused_code(response, 400) == "BAD_REQUEST"


async def test_a_browser_gets_a_page(
    http: httpx.AsyncClient,
) -> None:
    response = await http.get("/graphql", headers={"Accept": "text/html"})

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_server_with_its_database_is_healthy_and_ready(
    http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(path)

    assert response.status_code == 200


async def test_a_host_header_causes_no_redirect(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql/", headers={"Host": "evil.example.com"})

    assert response.status_code == 404
    assert "location" not in response.headers


async def test_an_unknown_path_is_not_found(http: httpx.AsyncClient) -> None:
    response = await http.get("/nope")

    assert response.status_code == 404
