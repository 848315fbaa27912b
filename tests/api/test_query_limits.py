"""Documents that would take too much: each is refused by a code that names the limit, at once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from graphql import build_client_schema, get_introspection_query

from tests.api.limits import refusal
from tests.harness.client import Answer
from tests.harness.http import http_client
from tests.harness.schema import LIMITS
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive, subscribe

# The server's processor time for one answer: it does not depend on what else the machine does.
AT_ONCE_SECONDS = 0.5


def nested(levels: int, first: int = 1) -> str:
    """A query that goes from user to team to members and back, so many levels deep."""
    rounds = levels // 4
    step = f"team {{ members(first: {first}) {{ edges {{ node {{ "
    return "{ viewer { " + step * rounds + "id" + " } } } }" * rounds + " } }"


def repeated(text: str, count: int) -> str:
    return "{ " + " ".join(text.format(number) for number in range(count)) + " }"


# Fragments that hold the next one twice: 6 KB of text that would be laid in 2^150 times.
DOUBLING = (
    "{ viewer { ...F0 } } "
    + " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(150))
    + " fragment F150 on User { id }"
)

TOO_MUCH = {
    "deep": (nested(50), "QUERY_TOO_DEEP", LIMITS.max_depth),
    "deep beyond the stack": ("{a" * 600 + "}" * 600, "QUERY_TOO_DEEP", LIMITS.max_depth),
    "wide": (repeated("viewer {{ id }}", 400), "TOO_MANY_ROOT_FIELDS", LIMITS.max_root_fields),
    "wide by fragments": (
        repeated("...F", 100) + " fragment F on Query { viewer { id } teams { totalCount } }",
        "TOO_MANY_ROOT_FIELDS",
        LIMITS.max_root_fields,
    ),
    "a long text": ('{ user(id: "' + "x" * 100_000 + '") { id } }', "DOCUMENT_TOO_LONG", 100_000),
    "a long name": ("query " + "x" * 100_000 + " { viewer { id } }", "DOCUMENT_TOO_LONG", 100_000),
    "comments": ("{ viewer { id } }" + "#\n" * 40_000, "TOO_MANY_TOKENS", LIMITS.max_tokens),
    "comments before": ("#\n" * 40_000 + "{ viewer { id } }", "TOO_MANY_TOKENS", LIMITS.max_tokens),
    "lists in lists": ("{ user(id: " + "[" * 900 + "]" * 900 + ") { id } }", "QUERY_TOO_DEEP", 15),
    "long": ("{" + " id" * 5_000 + "}", "TOO_MANY_TOKENS", LIMITS.max_tokens),
    "aliased x 1,000": (repeated("a{}: viewer {{ id }}", 1_000), "TOO_MANY_TOKENS", 2_000),
    "aliased x 400": (repeated("a{}: __typename", 400), "TOO_MANY_ALIASES", LIMITS.max_aliases),
    "aliased below the root": (
        "{ viewer " + repeated("a{}: id", 400) + " }",
        "TOO_MANY_ALIASES",
        LIMITS.max_aliases,
    ),
    "aliased in the introspection": (
        "{ __schema " + repeated("a{}: types {{ name }}", 100) + " }",
        "TOO_MANY_ALIASES",
        LIMITS.max_aliases,
    ),
    "directives": (
        "{ viewer " + "@include(if: true) " * 250 + "{ id } }",
        "TOO_MANY_DIRECTIVES",
        LIMITS.max_directives,
    ),
    "unknown directives": (
        "{ viewer " + "@a" * 900 + " { id } }",
        "TOO_MANY_DIRECTIVES",
        LIMITS.max_directives,
    ),
    "pages of pages": (nested(8, first=100), "QUERY_TOO_COSTLY", LIMITS.max_cost),
    "pages of the usual size": (nested(12, first=20), "QUERY_TOO_COSTLY", LIMITS.max_cost),
    "doubling fragments": (DOUBLING, "QUERY_TOO_COSTLY", LIMITS.max_cost),
    "introspection by aliases below": (
        "{ __schema { types { a: fields { name } b: fields { name } } } }",
        "QUERY_TOO_COSTLY",
        LIMITS.max_cost,
    ),
    "introspection again and again": (
        repeated("a{}: __schema {{ types {{ name }} }}", 20),
        "QUERY_TOO_COSTLY",
        LIMITS.max_cost,
    ),
}


@contextmanager
def at_once(server: Server) -> Iterator[None]:
    """Sees to it that the server does not work for long."""
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    yield
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system < AT_ONCE_SECONDS


@pytest.mark.parametrize(("query", "code", "limit"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_an_excess_is_refused_at_once_with_the_name_of_its_limit(
    servers: list[Server], http: httpx.AsyncClient, query: str, code: str, limit: int
) -> None:
    with at_once(servers[0]):
        extensions = await refusal(http, query)

    assert (extensions["code"], extensions["limit"]) == (code, limit)
    assert extensions.get("found", limit + 1) > limit


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { " + "team { id } " * 450 + "} }",
        "{ viewer { " + "... { team { id } } " * 280 + "} }",
        "{ viewer { " + "team { members { totalCount } } " * 240 + "} }",
    ],
)
async def test_fields_to_be_merged_do_not_hold_the_server_up(
    servers: list[Server], http: httpx.AsyncClient, query: str
) -> None:
    with at_once(servers[0]):
        extensions = await refusal(http, query)

    assert extensions["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    "query",
    [
        "mutation { joinTeam(input: { "
        + " ".join(f'f{number}: "{"x" * 800}"' for number in range(100))
        + " }) { __typename } }",
        "mutation { joinTeam(input: { "
        + " ".join(f"teamId{number}: 1" for number in range(470))
        + " }) { __typename } }",
        "{ " + " ".join(f"{'x' * 900}{number}" for number in range(20)) + " }",
    ],
)
async def test_what_does_not_fit_the_schema_is_answered_briefly_and_at_once(
    servers: list[Server], http: httpx.AsyncClient, query: str
) -> None:
    with at_once(servers[0]):
        response = await http.post("/graphql", json={"query": query})

    assert len(response.content) < 10_000
    codes = {error["extensions"]["code"] for error in response.json()["errors"]}
    assert codes <= {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}


async def test_a_long_name_is_not_sent_back(http: httpx.AsyncClient) -> None:
    body = {"query": "query A { viewer { id } }", "operationName": "x" * 100_000}

    response = await http.post("/graphql", json=body)

    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert len(response.content) < 1_000


async def test_documents_of_strangers_take_bounded_memory(servers: list[Server]) -> None:
    process = psutil.Process(servers[1].pid)
    before = process.memory_info().rss
    async with http_client(base_url=servers[1].url, timeout=15) as http:
        for number in range(250):
            # Python keeps each character in 4 bytes, and the text twice: together 180 MB.
            text = f"{{ viewer {{ id }} }} #\U0001f600{number} " + "x" * 90_000
            await http.post("/graphql", json={"query": text})

    assert process.memory_info().rss - before < 130_000_000


async def test_of_two_variables_for_a_page_the_larger_counts(http: httpx.AsyncClient) -> None:
    query = """query ($a: Int, $b: Int) { teams(first: $a, last: $b) { edges { node {
      members(first: $a, last: $b) { edges { node { id } } } } } } }"""

    assert (await refusal(http, query, b=100))["code"] == "QUERY_TOO_COSTLY"
    assert (await refusal(http, query, a=None, b=100))["code"] == "QUERY_TOO_COSTLY"


async def test_the_whole_introspection_is_answered(http: httpx.AsyncClient) -> None:
    query = get_introspection_query(input_value_deprecation=True, one_of=True)

    response = await http.post("/graphql", json={"query": query})

    assert "errors" not in response.json()
    assert "Team" in build_client_schema(response.json()["data"]).type_map


async def test_every_type_can_be_asked_whether_it_is_one_of(http: httpx.AsyncClient) -> None:
    query = '{ __type(name: "Team") { isOneOf fields { type { isOneOf } } } }'

    response = await http.post("/graphql", json={"query": query})

    assert "errors" not in response.json()


@pytest.mark.parametrize("query", [nested(12), "{ a: viewer { id } b: viewer { id } }"])
async def test_operations_within_the_limits_are_answered(
    http: httpx.AsyncClient, query: str
) -> None:
    response = await http.post("/graphql", json={"query": query})

    assert "errors" not in response.json()


async def test_the_cost_goes_by_the_sizes_that_the_variables_ask_for(
    http: httpx.AsyncClient,
) -> None:
    query = """query ($teams: Int = 1, $members: Int!) {
      teams(first: $teams) { edges { node { members(last: $members) { edges { node { id } } } } } }
    }"""

    async def answer(**variables: object) -> Answer:
        response = await http.post("/graphql", json={"query": query, "variables": variables})
        found: Answer = response.json()
        return found

    small = await answer(members=100)
    large = await answer(teams=100, members=100)
    beyond_pages = await answer(teams=10**6, members=1)

    assert "errors" not in small
    assert large["errors"][0]["extensions"] == {
        "code": "QUERY_TOO_COSTLY",
        "limit": LIMITS.max_cost,
        "found": 1 + 100 * (1 + 1 + 1 + 100 * 3),
        "dearest": [
            {"path": "teams", "cost": 30_301, "pageSize": 100},
            {"path": "teams.edges.node.members", "cost": 30_100, "pageSize": 100},
            {"path": "teams.edges.node.members.edges.node.id", "cost": 10_000},
        ],
        "suggestion": "Ask for at most 66 at a time at `teams`.",
    }
    assert beyond_pages["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


PAGE = "query ($first: Int) { teams(first: $first) { edges { node { id } } } }"
COST_OF_PAGE = {
    "requested": 1 + 50 * 3,
    "limit": LIMITS.max_cost,
    "dearest": [
        {"path": "teams", "cost": 151, "pageSize": 50},
        {"path": "teams.edges.node.id", "cost": 50},
    ],
}
COST_OF_MUTATION = {
    "requested": 2,
    "limit": LIMITS.max_cost,
    "dearest": [{"path": "joinTeam", "cost": 2}, {"path": "joinTeam.__typename", "cost": 1}],
}


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("query", "cost"),
    [
        (PAGE, COST_OF_PAGE),
        ('mutation { joinTeam(input: {teamId: "x"}) { __typename } }', COST_OF_MUTATION),
    ],
)
async def test_the_cost_is_included_if_a_header_asks_for_it(
    http: httpx.AsyncClient, query: str, cost: Answer, accept: str
) -> None:
    body = {"query": query, "variables": {"first": 50}}
    headers = {"Accept": accept, "X-Include-Cost": "true"}

    answer = await http.post("/graphql", json=body, headers=headers)
    without = await http.post("/graphql", json=body, headers=headers | {"X-Include-Cost": "false"})

    assert f'"extensions":{{"cost":{json.dumps(cost, separators=(",", ":"))}}}' in answer.text
    assert "extensions" not in without.text


async def test_the_limits_hold_on_a_websocket_too(servers: list[Server]) -> None:
    async with connected(servers[0].url) as socket:
        await subscribe(socket, nested(8, first=100))
        error = await receive(socket)

    assert error["type"] == "error"
    assert error["payload"][0]["extensions"]["code"] == "QUERY_TOO_COSTLY"
