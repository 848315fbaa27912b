"""Lost or weakened indexes and validators: not ready, or no longer safe for mutations."""

from contextlib import nullcontext
from typing import Any

import pytest
from pymongo.errors import WriteError

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import Client, teams_of
from app.storage.indexes import TEAM_INDEX_NAMES, TEAM_VALIDATOR
from app.storage.preparation import prepare_database
from app.storage.safety import check_readiness, check_safety
from tests.storage.conftest import document

PARTIAL = {"userIds": {"$gte": ""}}


def changed_validator(**user_ids: Any) -> dict[str, Any]:
    """Our validator, with other demands of `userIds`."""
    schema = TEAM_VALIDATOR["$jsonSchema"]
    known = schema["properties"]
    changed = {**known, "userIds": {**known["userIds"], **user_ids}}
    return {"$jsonSchema": {**schema, "properties": changed}}


@pytest.mark.parametrize("name", sorted(TEAM_INDEX_NAMES))
async def test_a_server_whose_index_was_dropped_is_not_ready(
    client: Client, database: str, name: str
) -> None:
    await teams_of(client, database).drop_index(name)

    with pytest.raises(DatabaseUnsuitable, match=name):
        await check_readiness(client, database)
    await prepare_database(client, database)

    await check_readiness(client, database)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"unique": True},
        {"partialFilterExpression": PARTIAL},
        {"unique": True, "partialFilterExpression": {"userIds": {"$gte": "m"}}},
        {"unique": True, "sparse": True},
        {"unique": True, "partialFilterExpression": PARTIAL, "expireAfterSeconds": 0},
        {"unique": True, "collation": {"locale": "en"}, "partialFilterExpression": PARTIAL},
    ],
)
async def test_an_index_of_our_name_that_does_not_hold_g1_is_not_ready(
    client: Client, database: str, options: dict[str, Any]
) -> None:
    await teams_of(client, database).drop_index("one_team_per_user")
    await teams_of(client, database).create_index("userIds", name="one_team_per_user", **options)

    for check in (check_readiness, check_safety):
        with pytest.raises(DatabaseUnsuitable, match="one_team_per_user"):
            await check(client, database)


@pytest.mark.parametrize(
    ("collection", "name", "stops_mutations"),
    [
        ("teams", "one_team_per_creation_request", True),
        ("requests", "one_mark_per_request", True),
        ("teams", "live_teams_by_name", False),
        ("team_changes", "one_change_per_version", False),
    ],
)
async def test_mutations_stop_for_the_indexes_that_they_rely_on(
    client: Client, database: str, collection: str, name: str, *, stops_mutations: bool
) -> None:
    await client[database][collection].drop_index(name)

    with pytest.raises(DatabaseUnsuitable, match=name):
        await check_readiness(client, database)
    with pytest.raises(DatabaseUnsuitable, match=name) if stops_mutations else nullcontext():
        await check_safety(client, database)


async def test_a_dropped_collection_is_not_safe(client: Client, database: str) -> None:
    await teams_of(client, database).drop()

    with pytest.raises(DatabaseUnsuitable, match="one_team_per_user"):
        await check_safety(client, database)


@pytest.mark.parametrize(
    "options",
    [
        {"validator": {}},
        {"validator": {"$or": [TEAM_VALIDATOR, {}]}},
        {"validator": changed_validator(uniqueItems=False)},
        {"validator": changed_validator(items={})},
        {"validator": {"$jsonSchema": {**TEAM_VALIDATOR["$jsonSchema"], "required": ["name"]}}},
        {"validationLevel": "off"},
        {"validationLevel": "moderate"},
        {"validationAction": "warn"},
    ],
)
async def test_a_weakened_validator_is_not_ready_until_the_next_start(
    client: Client, database: str, options: dict[str, Any]
) -> None:
    await client[database].command({"collMod": "teams", **options})

    for check in (check_readiness, check_safety):
        with pytest.raises(DatabaseUnsuitable, match="validator"):
            await check(client, database)
    await prepare_database(client, database)

    await check_readiness(client, database)


@pytest.mark.parametrize(
    ("change", "is_ready"), [({"maxItems": 9}, True), ({"items": {"bsonType": "string"}}, False)]
)
async def test_a_validator_of_another_release_stops_no_mutations(
    client: Client, database: str, change: dict[str, Any], *, is_ready: bool
) -> None:
    await client[database].command({"collMod": "teams", "validator": changed_validator(**change)})

    await check_safety(client, database)
    with nullcontext() if is_ready else pytest.raises(DatabaseUnsuitable, match="validator"):
        await check_readiness(client, database)


@pytest.mark.parametrize("user_ids", [["sue", "sue"], [""], ["x" * 129], [5], "sue"])
async def test_the_validator_refuses_malformed_teams_of_external_writers(
    client: Client, database: str, user_ids: Any
) -> None:
    with pytest.raises(WriteError) as refusal:
        await teams_of(client, database).insert_one(document() | {"userIds": user_ids})

    assert refusal.value.code == 121
