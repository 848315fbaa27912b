"""Indexes and validators after a start, and refused databases, on a real mongod."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pymongo import ASCENDING

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.storage.client import Client, close, teams_of
from app.storage.indexes import TEAM_INDEX_NAMES, TEAM_INDEXES, TEAM_VALIDATOR
from app.storage.preparation import prepare_database
from app.storage.safety import check_readiness
from tests.harness.driver import connect
from tests.storage.conftest import document

# In the place of a value: the document has no such field.
MISSING: Any = object()


async def assert_prepared(client: Client, database: str) -> None:
    teams = teams_of(client, database)
    found = await teams.index_information()
    assert set(found) == {"_id_", *TEAM_INDEX_NAMES}
    assert found["one_team_per_user"]["unique"] is True
    assert (await teams.options())["validator"] == TEAM_VALIDATOR
    await check_readiness(client, database)


async def test_preparing_again_changes_nothing_and_keeps_the_teams(
    client: Client, database: str
) -> None:
    team = document("sue")
    await teams_of(client, database).insert_one(team)

    await prepare_database(client, database)

    await assert_prepared(client, database)
    assert await teams_of(client, database).find().to_list(None) == [team]


@pytest.mark.parametrize("has_teams", [False, True])
async def test_ten_servers_may_prepare_at_once(
    mongodb_uri: str, client: Client, empty_database: str, *, has_teams: bool
) -> None:
    if has_teams:
        await client[empty_database].teams.insert_many([document(f"u{n}") for n in range(200)])
    clients = [connect(mongodb_uri, timeout_seconds=10) for _ in range(10)]

    try:
        await asyncio.gather(*(prepare_database(each, empty_database) for each in clients))
    finally:
        for each in clients:
            await close(each)

    await assert_prepared(client, empty_database)


async def test_teams_of_another_program_are_taken_over(client: Client, empty_database: str) -> None:
    teams = client[empty_database].teams
    await teams.insert_many([document("sue"), document(), document(), document(_id="a name")])

    await prepare_database(client, empty_database)

    await assert_prepared(client, empty_database)


@pytest.mark.parametrize("validated_before", [False, True])
async def test_users_on_two_teams_are_refused_by_name(
    client: Client, empty_database: str, *, validated_before: bool
) -> None:
    if validated_before:
        await client[empty_database].create_collection("teams", validator=TEAM_VALIDATOR)
    red, blue, green = document("ann", "sue"), document("sue", "zoe"), document("john")
    await client[empty_database].teams.insert_many([red, blue, green])

    with pytest.raises(DatabaseUnsuitable) as refusal:
        await prepare_database(client, empty_database)

    assert f"{empty_database}.teams" in str(refusal.value)
    for named in ("'sue'", str(red["_id"]), str(blue["_id"])):
        assert named in refusal.value.cases
        assert named not in str(refusal.value)
    for innocent in ("ann", "zoe", "john", str(green["_id"])):
        assert innocent not in refusal.value.in_full
    assert await client[empty_database].teams.count_documents({}) == 3


@pytest.mark.parametrize(
    "damage",
    [
        {"version": None},
        *({field: MISSING} for field in ("name", "userIds", "version")),
        {"version": 0},
        {"version": "1"},
        {"userIds": ["sue", "ann", "sue"]},
        {"userIds": ["sue", 5]},
        {"userIds": [""]},
        {"userIds": "sue"},
        {"name": 5},
        {"capacity": 0},
    ],
)
async def test_documents_that_are_no_teams_are_refused_by_id(
    client: Client, empty_database: str, damage: dict[str, Any]
) -> None:
    damaged, whole = document(**damage), document("zoe")
    damaged = {field: value for field, value in damaged.items() if value is not MISSING}
    await client[empty_database].teams.insert_many([damaged, whole])

    with pytest.raises(DatabaseUnsuitable) as refusal:
        await prepare_database(client, empty_database)

    assert str(damaged["_id"]) in refusal.value.cases
    assert str(whole["_id"]) not in refusal.value.in_full


@pytest.mark.parametrize("name", sorted(TEAM_INDEX_NAMES))
async def test_another_index_under_one_of_our_names_is_refused_with_a_sentence(
    client: Client, empty_database: str, name: str
) -> None:
    await client[empty_database].teams.create_index([("color", ASCENDING)], name=name)

    with pytest.raises(DatabaseUnsuitable, match=r"index on .*\.teams stands in the way"):
        await prepare_database(client, empty_database)


@pytest.mark.parametrize("name", sorted(TEAM_INDEX_NAMES))
async def test_our_index_with_weaker_options_is_refused_with_a_sentence(
    client: Client, empty_database: str, name: str
) -> None:
    (ours,) = (index.document for index in TEAM_INDEXES if index.document["name"] == name)
    options: dict[str, Any] = {"sparse": True} if "unique" not in ours else {}
    await client[empty_database].teams.create_index(list(ours["key"].items()), name=name, **options)

    with pytest.raises(DatabaseUnsuitable, match=r"index on .*\.teams stands in the way"):
        await prepare_database(client, empty_database)


class Deployment:
    def __init__(self, version: list[int], **hello: Any) -> None:
        self._answers: dict[str, dict[str, Any]] = {
            "buildInfo": {"versionArray": version, "version": ".".join(map(str, version))},
            "hello": hello,
        }

    async def command(self, name: str) -> dict[str, Any]:
        return self._answers[name]

    def as_client(self) -> Client:
        """A client whose only commands are these two."""
        return cast("Client", SimpleNamespace(admin=self))


@pytest.mark.parametrize("version", [[5, 0, 22, 0], [4, 4, 0, 0]])
async def test_a_mongodb_that_is_too_old_is_refused_with_what_to_do(version: list[int]) -> None:
    deployment = Deployment(version, setName="rs", isWritablePrimary=True)

    with pytest.raises(DatabaseUnsuitable, match=r"too old: Team Joiner needs 6\.0.*Upgrade"):
        await prepare_database(deployment.as_client(), "teams")


async def test_a_replica_set_without_a_primary_is_reported_as_unavailable() -> None:
    deployment = Deployment([6, 0, 5, 0], setName="rs", isWritablePrimary=False)

    with pytest.raises(DatabaseUnavailable):
        await prepare_database(deployment.as_client(), "teams")
