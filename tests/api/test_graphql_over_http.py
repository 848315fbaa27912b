"""GraphQL over HTTP: a test for each server audit of the npm package graphql-http.

The ids are the package's. `scripts/audit-http` runs the package itself where node is at hand.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

JSON = "application/json"
NEW = "application/graphql-response+json"
HELLO = {"query": "{ __typename }"}
TYPE = {
    "query": "query Type($name: String!) { __type(name: $name) { name } }",
    "variables": {"name": "sometype"},
}
UNKNOWN_FIELD = {"query": "{ thisFieldDoesNotExist }"}
UNPARSABLE = {"query": "{"}
UNCOERCIBLE = {"query": "query Q($id: ID!) { __typename }", "variables": {"id": None}}

Check = Callable[[httpx.Response], bool]


def in_type(media_type: str) -> Check:
    return lambda response: media_type in response.headers["Content-Type"]


def without(key: str) -> Check:
    return lambda response: key not in response.json()


def is_utf8(response: httpx.Response) -> bool:
    return bool(response.content.decode("utf-8"))


@dataclass
class Audit:
    """A request and what its answer must be."""

    id: str
    body: object = None
    accept: str | None = None
    method: str = "POST"
    content_type: str | None = JSON
    status: range = field(default_factory=lambda: range(200, 201))
    check: Check = lambda _: True

    def request(self, http: httpx.AsyncClient) -> httpx.Request:
        headers = {"Accept": self.accept} if self.accept else {}
        url, content = "/graphql", None
        if self.method == "GET":
            assert isinstance(self.body, dict)
            url += "?" + urlencode(self.body)
        else:
            headers |= {"Content-Type": self.content_type} if self.content_type else {}
            if self.body is not None:
                content = self.body if isinstance(self.body, str) else json.dumps(self.body)
        request = http.build_request(self.method, url, content=content, headers=headers)
        if self.accept is None:
            del request.headers["Accept"]
        return request


BAD = range(400, 401)
CLIENT_ERROR = range(400, 500)
ANY_ERROR = range(400, 600)
CLEAN = without("errors")


def ill_typed(prefix: str, name: str, values: list[Any]) -> list[Audit]:
    return [
        Audit(f"{prefix}{number}", HELLO | {name: value}, status=BAD)
        for number, value in enumerate(values)
    ]


NO_STRING: list[Any] = [{"obj": "ect"}, 0, False, ["array"]]
NO_MAP: list[Any] = ["string", 0, False, ["array"]]
NULLABLE = ("variables", "operationName", "extensions")
NAMED = {"query": "query Query { __typename }", "operationName": "Query"}
EXTENDED = HELLO | {"extensions": {"some": "value"}}
TYPE_BY_URL = {"query": TYPE["query"], "variables": json.dumps(TYPE["variables"])}

AUDITS = [
    Audit("22EB", HELLO, NEW, check=in_type(NEW)),
    Audit("4655", HELLO, JSON, check=in_type(JSON)),
    Audit("47DE", HELLO, "*/*", check=in_type(JSON)),
    Audit("80D8", HELLO, check=in_type(JSON)),
    Audit("82A3", HELLO, check=is_utf8),
    Audit(
        "BF61",
        {"query": '{ __type(name: "Größe 🏊") { name } }'},
        content_type=f"{JSON}; charset=utf-8",
    ),
    Audit("78D5", HELLO),
    Audit("2C94", HELLO),
    Audit("5A70", HELLO, method="GET"),
    Audit("9C48", {"query": "mutation { __typename }"}, NEW, method="GET", status=CLIENT_ERROR),
    Audit("9ABE", HELLO, content_type=None, status=CLIENT_ERROR),
    Audit("03D4", HELLO),
    Audit("A5BF", status=BAD),
    Audit("423L", {"notquery": "{ __typename }"}, NEW, status=BAD),
    *ill_typed("LKJ", "query", NO_STRING),
    Audit("34A2", HELLO, NEW),
    Audit("13EE", HELLO, JSON, check=CLEAN),
    *ill_typed("6C0", "operationName", NO_STRING),
    Audit("8161", NAMED, NEW),
    Audit("B8B3", NAMED, JSON, check=CLEAN),
    *(Audit(f"94B{n}", HELLO | {name: None}, NEW, check=CLEAN) for n, name in enumerate(NULLABLE)),
    *(Audit(f"022{n}", HELLO | {name: None}, JSON, check=CLEAN) for n, name in enumerate(NULLABLE)),
    *ill_typed("476", "variables", NO_MAP),
    Audit("2EA1", TYPE, NEW),
    Audit("28B9", TYPE, JSON, check=CLEAN),
    Audit("D6D5", TYPE_BY_URL, NEW, method="GET", check=CLEAN),
    Audit("6A70", TYPE_BY_URL, JSON, method="GET", check=CLEAN),
    *ill_typed("58B", "extensions", NO_MAP),
    Audit("428F", EXTENDED, NEW),
    Audit("1B7A", EXTENDED, JSON, check=CLEAN),
    Audit("B6DC", '{ "not a JSON', JSON, status=range(200, 600)),
    Audit("BCF8", '{ "not a JSON', JSON, status=BAD),
    Audit("B7N8", '{ "not a JSON', NEW, status=BAD),
    Audit("8764", {"qeury": "{ __typename }"}, status=ANY_ERROR),
    Audit("3E3A", {"qeury": "{ __typename }"}, status=BAD),
    Audit("572B", UNPARSABLE, JSON),
    Audit("FDE2", UNKNOWN_FIELD, JSON),
    Audit("7B9B", UNCOERCIBLE, JSON),
    Audit("865D", UNPARSABLE, NEW, status=ANY_ERROR),
    Audit("556A", UNPARSABLE, NEW, status=BAD),
    Audit("D586", UNPARSABLE, NEW, status=ANY_ERROR, check=without("data")),
    Audit("51FE", UNKNOWN_FIELD, NEW, status=ANY_ERROR),
    Audit("74FF", UNKNOWN_FIELD, NEW, status=BAD),
    Audit("5E5B", UNKNOWN_FIELD, NEW, status=ANY_ERROR, check=without("data")),
    Audit("86EE", UNCOERCIBLE, NEW, status=BAD),
]


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


def test_there_are_61_audits() -> None:
    assert len({audit.id for audit in AUDITS}) == len(AUDITS) == 61


@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.id)
async def test_the_answer_is_as_the_audit_asks(http: httpx.AsyncClient, audit: Audit) -> None:
    response = await http.send(audit.request(http))

    assert response.status_code in audit.status, response.text
    assert audit.check(response), response.text


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (f"{NEW}, {JSON};q=0.9", NEW),
        (f"{JSON}, {NEW};q=0.9", JSON),
        (f"{NEW};q=0, */*", JSON),
        (f"{JSON};q=0, application/*", NEW),
        (f"multipart/mixed;deferSpec=20220824,{JSON}", JSON),
    ],
)
async def test_the_media_type_is_the_one_that_the_client_likes_best(
    http: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    response = await http.post("/graphql", json=HELLO, headers={"Accept": accept})

    assert response.headers["Content-Type"] == media_type


@pytest.mark.parametrize("accept", ["application/xml", "text/html", f"{JSON};q=0", "image/*"])
async def test_an_unacceptable_media_type_is_refused_with_406(
    http: httpx.AsyncClient, accept: str
) -> None:
    response = await http.post("/graphql", json=HELLO, headers={"Accept": accept})

    assert (response.status_code, code_of(response)) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("accept", [JSON, NEW])
async def test_a_mutation_by_get_is_refused_with_405_and_the_method_to_use(
    http: httpx.AsyncClient, accept: str
) -> None:
    response = await http.get(
        "/graphql", params={"query": "mutation { __typename }"}, headers={"Accept": accept}
    )

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("accept", [JSON, NEW])
@pytest.mark.parametrize("name", [None, "", "C"])
async def test_of_several_operations_one_must_be_named(
    http: httpx.AsyncClient, accept: str, name: str | None
) -> None:
    body = {"query": "query A { __typename } query B { __typename }", "operationName": name}

    response = await http.post("/graphql", json=body, headers={"Accept": accept})

    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


async def test_the_named_one_of_several_operations_is_executed(http: httpx.AsyncClient) -> None:
    body = {"query": "query A { a: __typename } query B { b: __typename }", "operationName": "B"}

    response = await http.post("/graphql", json=body)

    assert response.json() == {"data": {"b": "Query"}}


async def test_an_executed_operation_is_200_whatever_its_fields_say(
    http: httpx.AsyncClient,
) -> None:
    body = {"query": "{ viewer { id } teams(first: 0) { totalCount } }"}

    response = await http.post("/graphql", json=body, headers={"Accept": NEW})

    assert (response.status_code, code_of(response)) == (200, "INVALID_INPUT")
    assert response.json()["data"] is None


async def test_a_batch_is_refused_by_default(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json=[HELLO])

    assert (response.status_code, code_of(response)) == (400, "BATCHING_DISABLED")


@pytest.mark.parametrize("given", ["sue-1", "a" * 128, "0af7651916cd43dd8448eb211c80319c"])
async def test_a_well_formed_request_id_comes_back(http: httpx.AsyncClient, given: str) -> None:
    response = await http.post("/graphql", json=HELLO, headers={"X-Request-Id": given})

    assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", [b"", b"a b", b"a" * 129, b"\xff", b'"', b"<script>"])
async def test_instead_of_a_malformed_request_id_there_is_a_new_one(
    http: httpx.AsyncClient, given: bytes
) -> None:
    response = await http.post("/graphql", json=HELLO, headers={b"X-Request-Id": given})

    assert len(response.headers["X-Request-Id"]) == 32


async def test_every_answer_has_a_request_id_of_its_own(http: httpx.AsyncClient) -> None:
    responses = [
        await http.get("/healthz"),
        await http.get("/nope"),
        await http.post("/graphql", content=b"{"),
        await http.post("/graphql", json=HELLO),
    ]

    assert len({response.headers["X-Request-Id"] for response in responses}) == 4
