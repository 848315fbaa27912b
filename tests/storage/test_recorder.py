"""The recorder and its lease on a real change stream, in the ordinary run of things."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from app.monitoring.database_metrics import StorageMetrics
from app.storage.changes import lease as lease_module
from app.storage.changes import recorder as recorder_module
from app.storage.changes.appender import ChangeAppender, LeaseLost
from app.storage.changes.lease import keep_lease, take_lease
from app.storage.client import Client, connect_for_streams, recorder_of
from app.storage.teams.store import MongoTeamStore
from tests.harness.recording import ChangeLogReader, Entry, recording
from tests.harness.service import add, move, new_team, remove, rename
from tests.harness.waiting import eventually


@pytest.fixture
async def streams(mongodb_uri: str) -> AsyncIterator[Client]:
    streams = connect_for_streams(mongodb_uri)
    yield streams
    streams.close()


@pytest.fixture
def log(client: Client, database: str) -> ChangeLogReader:
    return ChangeLogReader(client, database)


@pytest.fixture
def store(client: Client, database: str) -> MongoTeamStore:
    return MongoTeamStore(client, database, default_capacity=1_000)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)


async def _lapse(client: Client, database: str) -> None:
    """Lets the lease run out now, whoever holds it: what a long pause of its holder does."""
    now = [{"$set": {"expiresAt": {"$subtract": ["$$NOW", 1]}}}]
    await client[database]["recorder"].update_one({}, now)


def _change(version: int) -> Entry:
    return {"teamId": "red", "version": version, "kind": "ForeignChange"}


async def test_everything_is_recorded_once_and_in_order(
    streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:

    async with recording(streams, database):
        red = await new_team(store, "Red", members=("sue", "joe"))
        blue = await new_team(store, "Blue", capacity=5)
        await remove(store, red.id, "joe")
        await move(store, "sue", blue.id)
        await rename(store, blue.id, "Navy", expected_version=2)
        await log.wait_until_complete()

    assert await log.told(red.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "UserJoinedTeam"),
        (4, "UserLeftTeam"),
        (5, "UserLeftTeam"),
    ]
    assert await log.told(blue.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "TeamRenamed"),
    ]
    left, joined = (await log.entries(red.id))[-1], (await log.entries(blue.id))[1]
    assert (left["userId"], left["otherTeamId"]) == ("sue", blue.id)
    assert (joined["userId"], joined["otherTeamId"]) == ("sue", red.id)
    assert joined["commitTime"] == left["commitTime"]
    assert await log.faults() == []


async def test_many_changes_at_once_are_recorded_in_batches_without_gap_or_repeat(
    streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    teams = [await new_team(store) for _ in range(4)]

    async with recording(streams, database):
        await asyncio.gather(*(add(store, teams[i % 4].id, f"user-{i}") for i in range(200)))
        await log.wait_until_complete()

    assert len([e for e in await log.entries() if e["kind"] == "UserJoinedTeam"]) >= 190
    assert await log.faults() == []


async def test_of_two_recorders_one_records(
    streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:

    async with recording(streams, database), recording(streams, database):
        team = await new_team(store, members=("sue", "joe", "mia"))
        await log.wait_until_complete()
        lease = await log.lease()

    assert [version for version, _ in await log.told(team.id)] == [1, 2, 3, 4]
    assert lease["term"] == 1
    assert await log.faults() == []


async def test_a_cancelled_holder_gives_its_lease_back_and_another_goes_on(
    streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:

    async with recording(streams, database):
        team = await new_team(store, members=("sue",))
        await log.wait_until_complete()
    await add(store, team.id, "joe")

    async with recording(streams, database):
        # Sooner than the lease would have run out by itself.
        await eventually(log.is_complete, timeout_seconds=lease_module.LEASE_SECONDS / 2)

    assert [kind for _, kind in await log.told(team.id)] == ["TeamCreated", *["UserJoinedTeam"] * 2]
    assert (await log.lease())["term"] == 2
    assert await log.faults() == []


async def test_a_lease_is_taken_by_one_of_many_who_want_it_at_once(
    client: Client, database: str
) -> None:
    recorder = recorder_of(client, database)

    taken = await asyncio.gather(*(take_lease(recorder, f"server-{i}") for i in range(20)))

    winners = [lease for lease in taken if lease is not None]
    assert [lease.term for lease in winners] == [1]


async def test_a_holder_that_was_frozen_past_its_lease_can_append_and_keep_nothing(
    client: Client, database: str, log: ChangeLogReader
) -> None:
    recorder = recorder_of(client, database)
    frozen = await take_lease(recorder, "frozen")
    await _lapse(client, database)
    successor = await take_lease(recorder, "successor")
    assert frozen is not None
    assert successor is not None
    await ChangeAppender(client, database, successor).append([_change(1)], None)

    with pytest.raises(LeaseLost):
        await ChangeAppender(client, database, frozen).append([_change(1), _change(2)], None)

    assert await keep_lease(recorder, frozen, None) is False
    assert await log.told("red") == [(1, "ForeignChange")]
    assert (await log.lease())["position"] == 1


async def test_a_recorder_that_is_overtaken_while_it_appends_records_nothing_twice(
    streams: Client,
    client: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen, thawed = asyncio.Event(), asyncio.Event()
    refused = asyncio.Event()
    append = ChangeAppender.append

    async def freeze_first(self: ChangeAppender, *given: object) -> None:
        if not frozen.is_set():
            frozen.set()
            await thawed.wait()
            try:
                await append(self, *given)  # type: ignore[arg-type]  # passed on as it came
            except LeaseLost:
                refused.set()
                raise
        await append(self, *given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(ChangeAppender, "append", freeze_first)
    async with recording(streams, database):
        team = await new_team(store, members=("sue",))
        await asyncio.wait_for(frozen.wait(), 10)
        await _lapse(client, database)

        async with recording(streams, database):
            await log.wait_until_complete()
            thawed.set()
            await asyncio.wait_for(refused.wait(), 10)
            await add(store, team.id, "joe")
            await log.wait_until_complete()

    assert [version for version, _ in await log.told(team.id)] == [1, 2, 3]
    assert await log.faults() == []


async def test_an_idle_recorder_keeps_its_lease_and_moves_its_position_on(
    streams: Client, database: str, log: ChangeLogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "RENEW_SECONDS", 0.1)
    async with recording(streams, database):
        await eventually(log.is_held)
        before = await log.lease()

        async def is_renewed_again() -> bool:
            now = await log.lease()
            return bool(
                now["expiresAt"] > before["expiresAt"]
                and now["resumeToken"] != before.get("resumeToken")
            )

        await eventually(is_renewed_again)

    assert (await log.lease())["term"] == 1


async def test_appending_keeps_the_lease_however_long_it_takes(
    client: Client, database: str, log: ChangeLogReader
) -> None:
    lease = await take_lease(recorder_of(client, database), "holder")
    assert lease is not None
    await _lapse(client, database)

    await ChangeAppender(client, database, lease).append([_change(1)], None)

    assert await log.is_held()


async def test_a_recorder_counts_as_active_while_it_records_and_not_while_it_fails(
    client: Client, streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    registry, seen = CollectorRegistry(), list[float]()

    def value(name: str) -> float:
        return registry.get_sample_value(f"team_joiner_recorder_{name}") or 0.0

    async def is_active() -> bool:
        return value("active") == 1

    async def has_failed_often() -> bool:
        if value("failures_total") > 0:
            seen.append(value("active"))
        return value("failures_total") >= 5

    async def refuse(changes: Entry) -> None:
        await client[database].command("collMod", "team_changes", validator=changes)

    async with recording(streams, database, StorageMetrics(registry)):
        await eventually(is_active)
        await refuse({"$nor": [{}]})
        await new_team(store)
        await eventually(has_failed_often)
        await refuse({})
        await log.wait_until_complete()
        await eventually(is_active)
    ended = value("active")

    assert set(seen) == {0}
    assert ended == 0
