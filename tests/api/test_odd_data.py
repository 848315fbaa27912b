"""Values of every type in every field of a team: they concern that team alone."""

import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import DBRef, Decimal128, ObjectId, Regex
from bson.raw_bson import RawBSONDocument

from app.storage.changes.lease import RECORDER_ID
from app.storage.client import Client as DriverClient
from app.storage.client import close, connect, recorder_of
from tests.api.world import new_id
from tests.harness.client import Answer, Client
from tests.harness.odd_values import ODD_VALUES
from tests.harness.servers import running_servers

DAMAGED = "TEAM_DAMAGED"
FIELDS = (
    *("name", "userIds", "version", "capacity", "createdAt", "updatedAt", "creation"),
    *("lastChange", "requests", "_id"),
)


def can_be_an_id(value: Any) -> bool:
    has_operator = isinstance(value, dict) and any(name.startswith("$") for name in value)
    return not has_operator and not isinstance(
        value, list | Regex | DBRef | Decimal128 | RawBSONDocument
    )


TEAM = "id name version capacity createdAt updatedAt memberCount members { edges { node { id } } }"
PAGE = (
    "query ($order: TeamOrder!, $first: Int, $last: Int, $after: String, $before: String) {"
    "teams(orderBy: $order, first: $first, last: $last, after: $after, before: $before) {"
    f"edges {{ cursor node {{ {TEAM} }} }}"
    "pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"
)


def odd_document(field: str, value: Any, **given: Any) -> RawBSONDocument | dict[str, Any]:
    """A team with that value, written byte for byte where it is raw."""
    document = {"_id": ObjectId(), "name": "Odd", "userIds": [], "version": 1, **given}
    if not isinstance(value, RawBSONDocument):
        return {**document, field: value}
    element = value.raw[4:-1]
    renamed = bytes(element[:1]) + field.encode() + b"\0" + bytes(element[5:])
    document.pop(field, None)
    body = renamed + bson.encode(document)[4:-1]
    return RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0")


@pytest.fixture(scope="module")
def database() -> str:
    return new_id("test")


@pytest.fixture(scope="module")
async def api(mongodb_uri: str, database: str) -> AsyncIterator[Client]:
    driver = connect(mongodb_uri, timeout_seconds=10)
    # No recorder runs here: its handling of such data has tests of its own.
    forever = datetime(9000, 1, 1, tzinfo=UTC)
    held = {"_id": RECORDER_ID, "term": 1, "position": 0, "holder": "", "expiresAt": forever}
    await recorder_of(driver, database).insert_one(held)
    await close(driver)
    async with (
        running_servers(1, mongodb_uri, database, RATE_LIMIT_PER_MINUTE="100000") as (server,),
        Client(server.url, timeout_seconds=5) as api,
    ):
        yield api


@pytest.fixture
async def odd(client: DriverClient, database: str) -> AsyncIterator[Any]:
    """A function that inserts odd documents, which are gone after the test."""
    teams = client[database].teams
    await teams.delete_many({})

    async def insert(*documents: Any) -> None:
        answer = await client[database].command(
            {"insert": "teams", "documents": list(documents), "bypassDocumentValidation": True}
        )
        assert answer["n"] == len(documents), answer["writeErrors"]

    yield insert
    await teams.delete_many({})


async def ask(api: Client, query: str, **variables: Any) -> Answer:
    answer: Answer = (await api.post({"query": query, "variables": variables})).json()
    return answer


def assert_damage_only(answer: Answer, *path: str) -> None:
    """Nothing but coded errors of single teams."""
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] == DAMAGED, error
        assert [part for part in error["path"] if isinstance(part, str)] == list(path)


@pytest.mark.parametrize("order", ["NAME_ASC", "NAME_DESC", "CREATED_AT_ASC", "CREATED_AT_DESC"])
@pytest.mark.parametrize("from_back", [False, True])
@pytest.mark.parametrize("field", ["name", "createdAt", "_id", "version"])
async def test_pages_pass_every_team_once_whatever_one_holds(
    odd: Any, api: Client, order: str, field: str, *, from_back: bool
) -> None:
    values = [each for each in ODD_VALUES if field != "_id" or can_be_an_id(each)]
    neighbours = [(await api.create_team(f"Red {number}"))["id"] for number in range(3)]
    await odd(*(odd_document(field, value) for value in values))
    expected = len(values) + 3
    cursors: list[str] = []
    ids: list[str] = []
    window: dict[str, Any] = {"last": 3} if from_back else {"first": 3}

    while True:
        answer = await ask(api, PAGE, order=order, **window)
        assert_damage_only(answer, "teams", "edges", "node")
        page = answer["data"]["teams"]
        cursors += [edge["cursor"] for edge in page["edges"]]
        ids += [edge["node"]["id"] for edge in page["edges"] if edge["node"]]
        info = page["pageInfo"]
        if not info["hasPreviousPage" if from_back else "hasNextPage"]:
            break
        assert len(cursors) <= expected, "A team is visited twice."
        if from_back:
            window["before"] = info["startCursor"]
        else:
            window["after"] = info["endCursor"]

    assert len(cursors) == len(set(cursors)) == expected
    assert len(ids) == len(set(ids))
    assert set(neighbours) <= set(ids)


ONE = (
    f"query ($id: ID!, $user: ID!) {{ team(id: $id) {{ {TEAM} }}"
    f"user(id: $user) {{ team {{ {TEAM} }} }}"
    f'teams(nameContains: "o") {{ totalCount edges {{ node {{ {TEAM} }} }} }} }}'
)


@pytest.mark.parametrize("field", FIELDS)
async def test_an_odd_team_is_shown_or_answered_by_one_coded_error(
    odd: Any, api: Client, client: DriverClient, database: str, field: str
) -> None:
    ordinary = await api.create_team("Blue")
    await api.mutate("addUserToTeam", teamId=ordinary["id"], userId="bob")
    for value in ODD_VALUES:
        if field == "_id" and not can_be_an_id(value):
            continue
        stored_id = value if field == "_id" else ObjectId()
        await odd(odd_document(field, value, _id=stored_id, userIds=["sue"]))
        team_id = str(stored_id)[:128] if field != "_id" else "nobody"

        answer = await ask(api, ONE, id=team_id, user="sue")
        for error in answer.get("errors", ()):
            assert error["extensions"]["code"] == DAMAGED, (value, error)
        if field not in {"version", "_id"}:
            assert not answer.get("errors"), (value, answer)
            assert answer["data"]["team"]["id"] == team_id
        await client[database].teams.delete_many({"_id": {"$ne": ObjectId(ordinary["id"])}})

    # The other teams and users are not affected.
    team = (await ask(api, ONE, id=ordinary["id"], user="bob"))["data"]["team"]
    assert team["name"] == "Blue"
    assert team["memberCount"] >= 1
