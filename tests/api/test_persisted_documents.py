"""Documents by their hash: registered ones, and those that clients register as they go."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.api.operations.persisted_documents import hash_of
from tests.api.world import new_id
from tests.harness.client import Answer, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, send

WHO = "query Who { viewer { id } }"
FIND = "query Find($id: ID!) { user(id: $id) { id } }"
FEED = "subscription Feed($id: ID!) { userTeam(userId: $id) { id } }"
OTHER = "{ __typename }"


@pytest.fixture(scope="module")
async def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("documents") / "manifest.json"
    path.write_text(json.dumps({hash_of(text): text for text in (WHO, FIND, FEED)}))
    return path


@pytest.fixture(scope="module")
async def closed(mongodb_uri: str, manifest: Path) -> AsyncIterator[Server]:
    """A server that answers registered documents alone."""
    settings = {"TRUSTED_DOCUMENTS": str(manifest), "ONLY_TRUSTED_DOCUMENTS": "on"}
    async with running_servers(1, mongodb_uri, new_id("trusted"), **settings) as (server,):
        yield server


async def ask(server: Server, *, by_get: bool = False, **parameters: Any) -> Answer:
    """The answer, with its status as `status`."""
    async with http_client(base_url=server.url, timeout=15, headers=headers_of()) as http:
        if by_get:
            texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in parameters.items()}
            response = await http.get("/graphql", params=texts)
        else:
            response = await http.post("/graphql", json=parameters)
    answer: Answer = response.json()
    return answer | {"status": response.status_code}


def code_of(answer: Answer) -> str:
    code: str = answer["errors"][0]["extensions"]["code"]
    return code


def automatic(text: str) -> Answer:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}


@pytest.mark.parametrize("by_get", [False, True])
@pytest.mark.parametrize(
    "named",
    [
        {"documentId": hash_of(FIND)},
        {"documentId": f"sha256:{hash_of(FIND)}"},
        {"id": hash_of(FIND)},
        {"extensions": automatic(FIND)},
        {"query": FIND},
    ],
)
async def test_a_registered_document_is_found_by_any_of_its_names(
    closed: Server, named: Answer, *, by_get: bool
) -> None:
    answer = await ask(closed, variables={"id": "sue"}, by_get=by_get, **named)

    assert answer == {"data": {"user": {"id": "sue"}}, "status": 200}


async def test_nothing_else_is_answered_where_only_registered_ones_are(closed: Server) -> None:
    answers = [
        await ask(closed, query=OTHER),
        await ask(closed, query=f"{FIND} "),
        await ask(closed, query=OTHER, by_get=True),
        await ask(closed, documentId=hash_of(OTHER)),
        await ask(closed, query=OTHER, extensions=automatic(OTHER)),
        await ask(closed, extensions=automatic(OTHER)),
    ]

    assert [code_of(answer) for answer in answers] == [
        *["DOCUMENT_NOT_TRUSTED"] * 3,
        "DOCUMENT_NOT_FOUND",
        *["PERSISTED_QUERY_NOT_SUPPORTED"] * 2,
    ]
    assert not any("data" in answer for answer in answers)


async def test_documents_are_found_on_a_websocket_too(closed: Server) -> None:
    async with connected(closed.url) as socket:
        await send(
            socket,
            id="1",
            type="subscribe",
            payload={"documentId": hash_of(FEED), "variables": {"id": "sue"}},
        )
        event = await receive(socket)
        await send(socket, id="2", type="subscribe", payload={"query": OTHER})
        untrusted = await receive(socket)
        await send(socket, id="3", type="subscribe", payload={"documentId": "?"})
        unknown = await receive(socket)
        await send(socket, id="4", type="subscribe", payload={"extensions": {}})
        nothing = await receive(socket)

    assert event["payload"]["data"] == {"userTeam": {"id": "sue"}}
    assert [(m["type"], m["id"]) for m in (untrusted, unknown, nothing)] == [
        ("error", "2"),
        ("error", "3"),
        ("error", "4"),
    ]
    codes = [m["payload"][0]["extensions"]["code"] for m in (untrusted, unknown, nothing)]
    assert codes == ["DOCUMENT_NOT_TRUSTED", "DOCUMENT_NOT_FOUND", "BAD_REQUEST"]


@pytest.mark.parametrize("by_get", [False, True])
async def test_a_client_sends_a_document_once_and_then_its_hash(
    servers: list[Server], *, by_get: bool
) -> None:
    text = f"query {new_id('Q').replace('-', '_')} {{ __typename }}"

    unknown = await ask(servers[0], extensions=automatic(text), by_get=by_get)
    sent = await ask(servers[0], query=text, extensions=automatic(text), by_get=by_get)
    named = await ask(servers[0], extensions=automatic(text), by_get=by_get)

    assert code_of(unknown) == "PERSISTED_QUERY_NOT_FOUND"
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert sent == named == {"data": {"__typename": "Query"}, "status": 200}


async def test_a_hash_of_another_text_is_refused_and_not_kept(servers: list[Server]) -> None:
    text = f"query {new_id('Q').replace('-', '_')} {{ __typename }}"

    mismatch = await ask(servers[0], query=OTHER, extensions=automatic(text))
    afterwards = await ask(servers[0], extensions=automatic(text))

    assert (mismatch["status"], code_of(mismatch)) == (400, "BAD_REQUEST")
    assert code_of(afterwards) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_mutation_by_its_hash_is_not_executed_by_get(servers: list[Server]) -> None:
    text = 'mutation { createTeam(input: { name: "by get" }) { __typename } }'
    await ask(servers[0], query=f"{text} ", extensions=automatic(f"{text} "), by_get=True)

    answer = await ask(servers[0], extensions=automatic(f"{text} "), by_get=True)

    assert (answer["status"], code_of(answer)) == (405, "BAD_REQUEST")


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": OTHER, "documentId": "x"},
        {"documentId": 5},
        {"id": {"$ne": None}},
        {"extensions": {"persistedQuery": True}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash_of(OTHER)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": {"$ne": None}}}},
    ],
)
async def test_a_name_without_form_is_a_bad_request(
    servers: list[Server], parameters: Answer
) -> None:
    answer = await ask(servers[0], **parameters)

    assert (answer["status"], code_of(answer)) == (400, "BAD_REQUEST")


async def test_an_id_beside_a_document_is_not_looked_at(servers: list[Server]) -> None:
    answer = await ask(servers[0], query=OTHER, id=5, unknown="parameter")

    assert answer["data"] == {"__typename": "Query"}


async def test_clients_register_no_documents_where_that_is_switched_off(mongodb_uri: str) -> None:
    settings = {"MAX_PERSISTED_QUERIES": "0"}
    async with running_servers(1, mongodb_uri, new_id("none"), **settings) as (server,):
        answers = [
            await ask(server, query=OTHER, extensions=automatic(OTHER)),
            await ask(server, extensions=automatic(OTHER)),
        ]

    assert [code_of(answer) for answer in answers] == ["PERSISTED_QUERY_NOT_SUPPORTED"] * 2
    assert {answer["errors"][0]["message"] for answer in answers} == {"PersistedQueryNotSupported"}
