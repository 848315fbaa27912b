"""The limits are settings; introspection, the page for browsers and batches can be switched."""

import httpx
import pytest

from app.api.operations.persisted_documents import hash_of
from tests.api.limits import refusal
from tests.api.world import own_server
from tests.harness.client import ADMIN, Answer, Client
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive, send

server = own_server(
    INTROSPECTION="off",
    GRAPHIQL="off",
    MAX_BATCH_SIZE="3",
    MAX_DOCUMENT_LENGTH="400",
    MAX_TOKENS="60",
    MAX_DEPTH="3",
    MAX_ALIASES="1",
    MAX_DIRECTIVES="1",
    MAX_ROOT_FIELDS="2",
    MAX_COST="50",
    MAX_PERSISTED_QUERIES="3",
    MAX_OPERATIONS_UNDER_WAY_PER_CLIENT="2",
)


@pytest.mark.parametrize(
    ("within", "beyond", "code", "limit", "found"),
    [
        ("{ a: __typename }", "{ a: __typename b: __typename }", "TOO_MANY_ALIASES", 1, 2),
        (
            "{ viewer @skip(if: false) { id } }",
            "{ viewer @skip(if: false) { id @skip(if: false) } }",
            *("TOO_MANY_DIRECTIVES", 1, 2),
        ),
        (
            "{ viewer { team { id } } }",
            "{ viewer { team { members { cursor } } } }",
            *("QUERY_TOO_DEEP", 3, 4),
        ),
        (
            "{ viewer { id } __typename }",
            "{ viewer { id } __typename teams { cursor } }",
            *("TOO_MANY_ROOT_FIELDS", 2, 3),
        ),
        (
            "{ teams(first: 24) { edges { cursor } cursor } }",
            "{ teams(first: 25) { edges { cursor } cursor } }",
            *("QUERY_TOO_COSTLY", 50, 52),
        ),
    ],
)
async def test_each_limit_is_a_setting(
    http: httpx.AsyncClient, within: str, beyond: str, code: str, limit: int, found: int
) -> None:
    answered = await http.post("/graphql", json={"query": within})

    assert "errors" not in answered.json()
    told = await refusal(http, beyond)
    assert told | {"code": code, "limit": limit, "found": found} == told


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        '{ __type(name: "Team") { name } }',
        "{ _service { sdl } }",
        '{ ...F } fragment F on Query { hidden: __type(name: "Team") { name } }',
    ],
)
async def test_introspection_can_be_switched_off(http: httpx.AsyncClient, query: str) -> None:
    assert (await refusal(http, query))["code"] == "INTROSPECTION_DISABLED"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ teamz { cursor } }", {}),
        ("mutation { createTeams { __typename } }", {}),
        ("query ($o: TeamOrders) { teams(orderBy: $o) { cursor } }", {}),
        ("{ teams(orderBy: NAME_AS) { cursor } }", {}),
        (
            f"mutation (${'v' * 120}: JoinTeamInput!) "
            f"{{ joinTeam(input: ${'v' * 120}) {{ __typename }} }}",
            {"v" * 120: {"teamId": "t", "requestIds": "r"}},
        ),
        ("query ($o: TeamOrder) { teams(orderBy: $o) { cursor } }", {"o": "NAME_AS"}),
        (
            "mutation ($i: JoinTeamInput!) { joinTeam(input: $i) { __typename } }",
            {"i": {"teamId": "t", "requestIds": "r"}},
        ),
    ],
)
async def test_without_introspection_no_name_is_suggested(
    api: Client, other_api: Client, query: str, variables: Answer
) -> None:
    body = {"query": query, "variables": variables}

    told, withheld = [
        (await client.post(body)).json()["errors"][0]["message"] for client in (other_api, api)
    ]

    assert "Did you mean" in told
    assert withheld.startswith(told[: told.index(" Did you mean")])
    assert "Did you mean" not in withheld


async def test_the_page_for_browsers_can_be_switched_off(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql", headers={"Accept": "text/html"})

    assert response.status_code == 406


async def test_a_batch_that_is_allowed_is_answered_in_order(
    http: httpx.AsyncClient,
) -> None:
    batch = [{"query": "{ viewer { id } }"}, {"query": "{ nope }"}, {"query": "{ __typename }"}]

    answers = (await http.post("/graphql", json=batch)).json()

    assert answers[0] == {"data": {"viewer": {"id": ADMIN}}}
    assert answers[1]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert answers[2] == {"data": {"__typename": "Query"}}


async def test_the_operations_of_a_batch_are_under_way_together(
    http: httpx.AsyncClient,
) -> None:
    batch = [{"query": "{ teams(first: 1) { edges { cursor } } }"}] * 3

    answers = (await http.post("/graphql", json=batch)).json()

    assert ["data" in answer for answer in answers] == [True, True, False]
    (error,) = answers[2]["errors"]
    assert error["extensions"] == {"code": "TOO_MANY_OPERATIONS", "limit": 2, "found": 3}


async def test_a_batch_beyond_the_limit_is_refused_whole(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json=[{"query": "{ __typename }"}] * 4)

    assert response.status_code == 400
    extensions = response.json()["errors"][0]["extensions"]
    assert extensions == {"code": "BATCH_TOO_LARGE", "limit": 3, "found": 4}


@pytest.mark.parametrize("batch", [[], [5], ["{ __typename }"], [None], [[]]])
async def test_a_batch_of_invalid_requests_is_a_bad_request(
    http: httpx.AsyncClient, batch: list[object]
) -> None:
    response = await http.post("/graphql", json=batch)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_client_pushes_out_its_own_persisted_documents_only(
    server: Server, http: httpx.AsyncClient
) -> None:
    def registering(number: int) -> Answer:
        query = f"{{ __typename }} #{number}"
        return {"query": query} | naming(number)

    def naming(number: int) -> Answer:
        asked = {"version": 1, "sha256Hash": hash_of(f"{{ __typename }} #{number}")}
        return {"extensions": {"persistedQuery": asked}}

    async def is_known(number: int) -> bool:
        return "data" in (await http.post("/graphql", json=naming(number))).json()

    await http.post("/graphql", json=registering(0))
    async with http_client(base_url=server.url, timeout=15) as anonymous:
        for number in range(1, 5):
            await anonymous.post("/graphql", json=registering(number))
    by_http = [await is_known(number) for number in range(5)]
    async with connected(server.url, headers={}) as socket:
        for number in range(5, 9):
            await send(socket, id=str(number), type="subscribe", payload=registering(number))
            while (await receive(socket))["type"] != "complete":
                pass
    by_websocket = [await is_known(number) for number in range(9)]

    assert by_http == [True, False, False, True, True]
    assert by_websocket == [True, *[False] * 6, True, True]
