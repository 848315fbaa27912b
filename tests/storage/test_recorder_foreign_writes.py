"""What other programs do to the collection of teams is recorded as such, and stops nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bson import Int64, ObjectId

from app.domain.changes import attribute
from app.domain.ids import Version
from app.storage.changes import recorder as recorder_module
from app.storage.changes.log import MongoChangeLog
from app.storage.client import Client, connect_for_streams
from app.storage.preparation import prepare_database
from app.storage.teams.store import MongoTeamStore
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.service import add, new_team
from tests.harness.waiting import eventually


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)


@pytest.fixture
def log(client: Client, database: str) -> ChangeLogReader:
    return ChangeLogReader(client, database)


@pytest.fixture
def store(client: Client, database: str) -> MongoTeamStore:
    return MongoTeamStore(client, database, default_capacity=1_000)


@pytest.fixture
async def recorder(mongodb_uri: str, database: str) -> AsyncIterator[asyncio.Task[None]]:
    """A recorder that follows the stream; one that has failed shows in the task."""
    streams = connect_for_streams(mongodb_uri)
    async with recording(streams, database) as task:
        yield task
    streams.close()


async def test_a_foreign_write_with_a_version_is_recorded_as_a_foreign_change(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    teams = client[database]["teams"]
    team = await new_team(store, members=("sue",))
    imported = ObjectId()

    await teams.update_one({"_id": ObjectId(team.id)}, {"$inc": {"version": 1}})
    await teams.insert_one({"_id": imported, "name": "B", "userIds": [], "version": Int64(1)})
    await add(store, team.id, "joe")
    await log.wait_until_complete()

    assert (await log.told(team.id))[2:] == [(3, "ForeignChange"), (4, "UserJoinedTeam")]
    assert await log.told(imported) == [(1, "ForeignChange")]
    assert await log.faults() == []
    assert not recorder.done()


async def test_a_foreign_write_that_skips_versions_leaves_a_gap_before_it(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    team = await new_team(store)

    await client[database]["teams"].update_one(
        {"_id": ObjectId(team.id)}, {"$set": {"version": 5, "name": "Other"}}
    )
    await add(store, team.id, "sue")
    await log.wait_until_complete()

    assert await log.told(team.id) == [
        (1, "TeamCreated"),
        (4, "HistoryGap"),
        (5, "ForeignChange"),
        (6, "UserJoinedTeam"),
    ]
    assert await log.faults() == []
    assert not recorder.done()


async def test_a_team_that_is_replaced_as_a_whole_is_a_foreign_change(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    teams = client[database]["teams"]
    team = await new_team(store, members=("sue",))

    document = await teams.find_one({"_id": ObjectId(team.id)})
    assert document is not None
    await teams.replace_one({"_id": document["_id"]}, {**document, "name": "Other", "version": 3})
    await log.wait_until_complete()

    assert (await log.told(team.id))[1:] == [(2, "UserJoinedTeam"), (3, "ForeignChange")]
    assert not recorder.done()


async def test_foreign_writes_without_a_version_are_noticed_and_not_fatal(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    caplog: pytest.LogCaptureFixture,
) -> None:
    teams = client[database]["teams"]
    team = await new_team(store)

    await teams.update_one({"_id": ObjectId(team.id)}, {"$set": {"name": "Other"}})
    await add(store, team.id, "sue")
    await log.wait_until_complete()

    assert await log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
    assert len([r for r in caplog.records if "foreign write" in r.message]) == 1
    assert not recorder.done()


async def test_a_team_whose_document_another_program_removes_is_recorded_as_deleted(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    team = await new_team(store, members=("sue",))

    await client[database]["teams"].delete_one({"_id": ObjectId(team.id)})
    await eventually(lambda: _is_recorded(log, team.id, 3))

    assert (await log.told(team.id))[1:] == [(2, "UserJoinedTeam"), (3, "TeamDeleted")]
    assert not recorder.done()


async def test_the_removal_of_a_deleted_teams_document_is_not_recorded_again(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    team = await new_team(store)
    by = attribute("deleteTeam", actor_id=None, request_id=None)
    await store.delete_team(team_id=team.id, expected_version=Version(1), by=by)

    await client[database]["teams"].delete_one({"_id": ObjectId(team.id)})
    later = await new_team(store)
    await eventually(lambda: _is_recorded(log, later.id, 1))

    assert await log.told(team.id) == [(1, "TeamCreated"), (2, "TeamDeleted")]
    assert not recorder.done()


async def _is_recorded(log: ChangeLogReader, team_id: str, version: int) -> bool:
    return version in [told for told, _ in await log.told(team_id)]


@pytest.mark.parametrize("version", ["2", 2.0, 0, True, None])
async def test_a_write_past_the_validator_whose_version_is_none_stops_nothing(
    version: object,
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    teams = client[database].get_collection("teams")
    team = await new_team(store)

    await teams.update_one(
        {"_id": ObjectId(team.id)}, {"$set": {"version": version}}, bypass_document_validation=True
    )
    await teams.update_one({"_id": ObjectId(team.id)}, {"$set": {"version": 1}})
    await add(store, team.id, "sue")
    await log.wait_until_complete()

    assert await log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
    assert not recorder.done()


async def test_a_version_that_can_not_be_brought_back_is_told_in_one_line(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    caplog: pytest.LogCaptureFixture,
) -> None:
    teams = client[database].get_collection("teams")
    team = await new_team(store, members=("sue",))
    await log.wait_until_complete()

    await teams.update_one(
        {"_id": ObjectId(team.id)},
        {"$set": {"version": 1, "createdAt": "private"}},
        bypass_document_validation=True,
    )

    async def is_told() -> bool:
        return "can't be brought back" in caplog.text

    await eventually(is_told)
    assert "(code 121). Run the doctor." in caplog.text
    assert "private" not in caplog.text
    assert "Traceback" not in caplog.text
    assert not recorder.done()


@pytest.mark.parametrize(
    "last_change",
    [{}, {"by": "a script"}, {"kind": "Nonsense", "at": 3}, {"kind": "HistoryGap", "teamId": "x"}],
)
async def test_a_foreign_last_change_that_says_nothing_we_know_is_a_foreign_change(
    last_change: dict[str, object],
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    team = await new_team(store)

    await client[database]["teams"].update_one(
        {"_id": ObjectId(team.id)}, {"$inc": {"version": 1}, "$set": {"lastChange": last_change}}
    )
    await add(store, team.id, "sue")
    await log.wait_until_complete()

    assert not recorder.done()
    read = await MongoChangeLog(client, database).changes_after(0, limit=10)
    assert [(change.version, change.kind) for change in read] == [
        (1, "TeamCreated"),
        (2, "ForeignChange"),
        (3, "UserJoinedTeam"),
    ]


async def test_a_collection_that_is_dropped_and_made_anew_is_recorded_again(
    recorder: asyncio.Task[None],
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
) -> None:
    await new_team(store)
    await log.wait_until_complete()

    await client[database].drop_collection("teams")
    await prepare_database(client, database)
    team = await new_team(store, members=("sue",))
    await eventually(lambda: _is_done_or(recorder, log))

    assert not recorder.done()
    assert (await log.told(team.id))[-1] == (2, "UserJoinedTeam")


async def _is_done_or(recorder: asyncio.Task[None], log: ChangeLogReader) -> bool:
    return recorder.done() or await log.is_complete()
