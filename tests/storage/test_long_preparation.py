"""A preparation that takes longer than a request may: index builds are held, on a real mongod."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.embedded import database as embedded
from app.storage import preparation, startup
from app.storage.client import Client, close, settled, teams_of
from app.storage.indexes import TEAM_INDEX_NAMES, TEAM_INDEXES, TEAM_VALIDATOR
from app.storage.preparation import prepare_database
from app.storage.safety import check_readiness
from app.storage.startup import Preparation
from tests.harness.driver import connect
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.waiting import eventually

REQUEST_SECONDS = 0.3
DEADLINE_SECONDS = 20


@pytest.fixture(scope="module")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod whose index builds can be held."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "PARAMETERS", (*embedded.PARAMETERS, "enableTestCommands=1"))
        with embedded.embedded_database(tmp_path_factory.mktemp("held")) as uri:
            yield uri


@asynccontextmanager
async def held_builds(client: Client) -> AsyncIterator[None]:
    """Index builds on collections with documents begin, and do not end, within the context."""
    point = {"configureFailPoint": "hangAfterStartingIndexBuild"}
    await client.admin.command({**point, "mode": "alwaysOn"})
    try:
        yield
    finally:
        await client.admin.command({**point, "mode": "off"})


@pytest.fixture
async def hurried(mongodb_uri: str) -> AsyncIterator[Client]:
    """A client whose requests take less than the builds that are held."""
    client = connect(mongodb_uri, timeout_seconds=REQUEST_SECONDS)
    yield client
    await close(client)


@pytest.fixture(autouse=True)
def frequent_reports(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(startup, "REPORT_SECONDS", 0.05)
    monkeypatch.setattr(preparation, "VALIDATOR_RETRY_SECONDS", 0.005)
    caplog.set_level(logging.INFO, logger="app")


async def insert_teams(client: Client, database: str, *user_ids: str) -> None:
    documents = [{"name": "Red", "userIds": [user], "version": 1} for user in user_ids]
    await client[database].teams.insert_many(documents)


async def builds_under_way(client: Client) -> int:
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True}},
        {"$match": {"desc": {"$regex": "^IndexBuilds"}, "command.createIndexes": "teams"}},
    ]
    return len(await (await settled(client.admin.aggregate(pipeline))).to_list(None))


async def test_an_index_build_longer_than_a_request_reports_its_progress(
    client: Client, hurried: Client, empty_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    await insert_teams(client, empty_database, "sue", "ann")
    servers = [Preparation(hurried, empty_database) for _ in range(3)]
    refusals: list[DatabaseUnsuitable] = []

    async def says_how_far() -> bool:
        return all(name in caplog.text for name in TEAM_INDEX_NAMES) and " of 2" in caplog.text

    async with held_builds(client):
        preparing = [
            asyncio.create_task(each.repeat_until_done(refusals.append)) for each in servers
        ]
        await eventually(says_how_far)
        await asyncio.sleep(2 * REQUEST_SECONDS)
        with pytest.raises(DatabaseUnsuitable, match=f"building indexes on {empty_database}.teams"):
            servers[0].refuse_unfinished()
        done_meanwhile = [each.is_done() for each in servers]
    async with asyncio.timeout(DEADLINE_SECONDS):
        outcomes = await asyncio.gather(*preparing)

    assert (done_meanwhile, outcomes, refusals) == ([False] * 3, [True] * 3, [])
    assert "tried again" not in caplog.text
    assert "The database is prepared" in caplog.text
    servers[0].refuse_unfinished()
    await check_readiness(client, empty_database)


async def test_users_on_two_teams_are_refused_when_the_build_has_found_them(
    client: Client, hurried: Client, empty_database: str
) -> None:
    await client[empty_database].create_collection("teams", validator=TEAM_VALIDATOR)
    await insert_teams(client, empty_database, "sue", "sue")
    server, refusals = Preparation(hurried, empty_database), list[DatabaseUnsuitable]()

    async with held_builds(client):
        preparing = asyncio.create_task(server.repeat_until_done(refusals.append))
        await eventually(lambda: has_begun(client))
        await asyncio.sleep(2 * REQUEST_SECONDS)
    async with asyncio.timeout(DEADLINE_SECONDS):
        is_done = await preparing

    assert is_done is False
    assert "user 'sue'" in refusals[0].cases


async def test_a_build_does_not_wait_for_a_member_that_is_down(
    client: Client, empty_database: str
) -> None:
    await insert_teams(client, empty_database, "sue")
    asked: dict[str, Any] = {"command.createIndexes": "teams", "command.commitQuorum": "majority"}
    pipeline = [{"$currentOp": {"allUsers": True}}, {"$match": asked}]

    async with held_builds(client):
        preparing = asyncio.create_task(prepare_database(client, empty_database))
        await eventually(lambda: has_begun(client))
        found = await (await settled(client.admin.aggregate(pipeline))).to_list(None)
    await preparing

    assert found


async def has_begun(client: Client) -> bool:
    return await builds_under_way(client) > 0


async def test_the_validator_is_set_when_the_build_of_another_has_ended(
    client: Client, hurried: Client, empty_database: str
) -> None:
    await insert_teams(client, empty_database, "sue")
    await client[empty_database].teams.create_indexes(list(TEAM_INDEXES))
    steps: list[str] = []

    async with held_builds(client):
        other = asyncio.ensure_future(client[empty_database].teams.create_index("color"))
        await eventually(lambda: has_begun(client))
        preparing = asyncio.create_task(
            prepare_database(hurried, empty_database, note=steps.append)
        )

        async def has_tried_often() -> bool:
            return preparing.done() or len([step for step in steps if "waiting" in step]) > 30

        await eventually(has_tried_often)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(preparing, other)

    await check_readiness(client, empty_database)


async def test_a_clean_collection_is_searched_once_and_users_are_not_compared(
    client: Client, empty_database: str
) -> None:
    await insert_teams(client, empty_database, "sue")
    steps: tuple[list[str], list[str]] = ([], [])

    for each in steps:
        await prepare_database(client, empty_database, note=each.append)

    assert [[step for step in each if "looking" in step] for each in steps] == [
        [f"looking for documents that are no teams in {empty_database}.teams"],
        [],
    ]


@pytest.mark.parametrize("user_ids", [("sue", "sue"), ("sue", "")])
async def test_a_refused_collection_is_left_as_it_was(
    client: Client, empty_database: str, user_ids: tuple[str, ...]
) -> None:
    await insert_teams(client, empty_database, *user_ids)

    with pytest.raises(DatabaseUnsuitable):
        await prepare_database(client, empty_database)

    teams = teams_of(client, empty_database)
    assert (await teams.options(), set(await teams.index_information())) == ({}, {"_id_"})


async def test_a_preparation_is_cancelled_at_once_and_its_build_is_not_lost(
    client: Client, hurried: Client, empty_database: str
) -> None:
    await insert_teams(client, empty_database, "sue")

    async with held_builds(client):
        preparing = asyncio.create_task(Preparation(hurried, empty_database).attempt())
        await eventually(lambda: has_begun(client))
        began = time.monotonic()
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
        seconds = time.monotonic() - began
        still = await builds_under_way(client)

    assert (preparing.cancelled(), still) == (True, 1)
    assert seconds < REQUEST_SECONDS
    await eventually(lambda: has_all_indexes(client, empty_database))


async def has_all_indexes(client: Client, database: str) -> bool:
    return (await teams_of(client, database).index_information()).keys() >= TEAM_INDEX_NAMES


async def test_an_unanswered_attempt_is_unavailable_and_not_a_step(empty_database: str) -> None:
    client = connect("mongodb://127.0.0.1:1/?replicaSet=rs", timeout_seconds=0.1)
    server = Preparation(client, empty_database)

    await server.attempt()

    with pytest.raises(DatabaseUnavailable):
        server.refuse_unfinished()
    await close(client)


async def test_a_server_answers_during_a_long_index_build_and_stops_at_once(
    mongodb_uri: str, client: Client, empty_database: str
) -> None:
    await insert_teams(client, empty_database, "sue")
    settings = {"REQUEST_TIMEOUT_SECONDS": str(DEADLINE_SECONDS / 4), "WORKERS": "2"}
    server = Server(mongodb_uri, empty_database, **settings)

    async with held_builds(client):
        await server.start()
        try:
            async with http_client(base_url=server.url) as http:
                ready, lives = await http.get("/readyz"), await http.get("/healthz")
            began = time.monotonic()
        finally:
            status = await server.stop()
        seconds = time.monotonic() - began

    assert (ready.status_code, lives.status_code, status) == (503, 200, 0)
    assert f"building indexes on {empty_database}.teams" in ready.json()["reason"]
    assert seconds < DEADLINE_SECONDS / 2


async def test_a_server_ends_as_failed_on_damage_that_a_long_build_finds(
    mongodb_uri: str, client: Client, empty_database: str
) -> None:
    await client[empty_database].create_collection("teams", validator=TEAM_VALIDATOR)
    await insert_teams(client, empty_database, "sue", "sue")
    settings = {"REQUEST_TIMEOUT_SECONDS": str(REQUEST_SECONDS)}
    server = Server(mongodb_uri, empty_database, **settings)

    try:
        async with held_builds(client):
            await server.start()
        async with asyncio.timeout(DEADLINE_SECONDS):
            status = await server.wait()
    finally:
        await server.stop()

    assert status == 1
    assert b"user 'sue' is on teams" in server.log
    assert b"Traceback" not in server.log
