"""`_service` and `_entities`: what the gateway of a federation sends to this subgraph."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.api.schema.federation import MAX_REPRESENTATIONS
from app.api.schema.schema import print_schema
from tests.api.commands import RecordedApi, recorded_api
from tests.api.world import MALFORMED_IDS, create_team_with, new_id, unknown_team_id
from tests.harness.client import ANONYMOUS, Answer, Client

ENTITIES = """query ($references: [_Any!]!) { _entities(representations: $references) {
    __typename ... on Team { id name } ... on User { id team { id } }
} }"""


def team(id: object) -> Answer:
    return {"__typename": "Team", "id": id}


def user(id: object) -> Answer:
    return {"__typename": "User", "id": id}


async def entities(api: Client, *references: object) -> tuple[Any, list[Answer]]:
    """The entities, and the errors with code, field and path."""
    body = {"query": ENTITIES, "variables": {"references": references}}
    answer = (await api.post(body)).json()
    errors = [each["extensions"] | {"path": each.get("path")} for each in answer.get("errors", ())]
    return (answer.get("data") or {}).get("_entities"), errors


@pytest.fixture
async def recorded(mongodb_uri: str, database: str) -> AsyncIterator[RecordedApi]:
    async with recorded_api(mongodb_uri, database) as api:
        yield api


async def test_the_subgraphs_schema_is_served_without_signing_in(api: Client) -> None:
    data = await api.execute("{ _service { sdl } }", viewer=ANONYMOUS)

    assert data["_service"]["sdl"] == print_schema(federation=True)


async def test_printing_the_subgraphs_schema_leaves_introspection_as_it_was(api: Client) -> None:
    await api.execute("{ _service { sdl } }")

    data = await api.execute('{ __type(name: "Team") { fields { type { isOneOf } } } }')

    assert {field["type"]["isOneOf"] for field in data["__type"]["fields"]} == {None}


async def test_references_are_resolved_in_their_order(api: Client) -> None:
    sue, nobody = new_id("sue"), new_id("nobody")
    red = await create_team_with(api, sue, name="Red")

    found, errors = await entities(
        api, user(sue), team(unknown_team_id()), team(red["id"]), user(nobody), team(red["id"])
    )

    shown_team = {"__typename": "Team", "id": red["id"], "name": "Red"}
    assert found == [
        {"__typename": "User", "id": sue, "team": {"id": red["id"]}},
        None,
        shown_team,
        {"__typename": "User", "id": nobody, "team": None},
        shown_team,
    ]
    assert errors == []


async def test_a_list_of_references_is_read_by_one_query(recorded: RecordedApi) -> None:
    users = [new_id() for _ in range(5)]
    teams = [await recorded.create_team(each) for each in users]

    of_teams = await recorded.execute(ENTITIES, references=[*map(team, teams)])
    sent_for_teams = recorded.commands.take_names()
    of_users = await recorded.execute(ENTITIES, references=[*map(user, users)])
    sent_for_users = recorded.commands.take_names()

    assert [each["id"] for each in of_teams["_entities"]] == teams
    assert [each["team"]["id"] for each in of_users["_entities"]] == teams
    assert (sent_for_teams, sent_for_users) == (["find"], ["find"])


NO_REFERENCES: tuple[Any, ...] = (7, "Team", [], [{}], {}, {"id": "5"})
NO_TYPES: tuple[Any, ...] = ("Query", "team", "_Service", "DateTime", "", None, 5, {})
NO_IDS: tuple[Any, ...] = (5, None, True, {"$ne": ""}, ["5"], *MALFORMED_IDS)
MALFORMED: list[tuple[Any, str]] = [
    *((reference, "") for reference in NO_REFERENCES),
    *(({"__typename": name, "id": "5"}, ".__typename") for name in NO_TYPES),
    *((make(id_), ".id") for make in (team, user) for id_ in NO_IDS),
    ({"__typename": "Team"}, ".id"),
]


@pytest.mark.parametrize(("reference", "field"), MALFORMED)
async def test_a_malformed_reference_is_refused_by_name_and_no_other(
    api: Client, reference: Any, field: str
) -> None:
    sue = new_id("sue")

    found, errors = await entities(api, user(sue), reference, user(sue))

    sues = {"__typename": "User", "id": sue, "team": None}
    assert found == [sues, None, sues]
    assert errors == [
        {"code": "INVALID_INPUT", "field": f"representations.1{field}", "path": ["_entities", 1]}
    ]


async def test_references_in_the_document_are_resolved(api: Client) -> None:
    query = """query ($id: ID!) {
        _entities(representations: [{__typename: "User", id: "sue"}, {__typename: "User", id: $id}])
        { ... on User { id } }
    }"""

    data = await api.execute(query, {"id": "john"})

    assert data == {"_entities": [{"id": "sue"}, {"id": "john"}]}


@pytest.mark.parametrize(
    ("references", "code"),
    [
        (MAX_REPRESENTATIONS + 1, "INVALID_INPUT"),
        (10_000, "QUERY_TOO_COSTLY"),
    ],
)
async def test_too_many_references_are_refused(api: Client, references: int, code: str) -> None:
    found, errors = await entities(api, *([{}] * references))

    assert found is None
    assert [error["code"] for error in errors] == [code]
    assert errors[0].get("field") in {None, "representations"}


async def test_as_many_references_as_allowed_are_resolved(api: Client) -> None:
    found, errors = await entities(api, *(user(f"user-{n}") for n in range(MAX_REPRESENTATIONS)))

    assert errors == []
    assert len(found) == MAX_REPRESENTATIONS
