"""Whatever another program does to the log or the recorder's document, recording goes on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Code, Int64, MaxKey, Timestamp

from app.domain.pages import HistoryPage
from app.storage.changes import recorder as recorder_module
from app.storage.changes.log import MongoChangeLog
from app.storage.client import Client, connect_for_streams
from app.storage.teams.store import MongoTeamStore
from tests.harness.odd_values import FAR, JOINED, UNDECODABLE
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.service import add, new_team
from tests.harness.waiting import eventually

NOW = datetime(2026, 5, 4, tzinfo=UTC)
IN_YEAR_3000 = datetime(3000, 1, 1, tzinfo=UTC)
BROKEN_LEASES: list[tuple[str, list[Any]]] = [
    ("position", [1, -5, "x", 2.5, Int64(2**62), UNDECODABLE]),
    ("term", ["x", Int64(2**63 - 1), UNDECODABLE]),
    ("expiresAt", [MaxKey(), Timestamp(2**31, 1), datetime(3000, 1, 1, tzinfo=UTC), FAR]),
    ("resumeToken", ["x", {"_data": 5}, {"_data": "zz"}, {"_data": "82"}, {}, UNDECODABLE]),
]


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
async def streams(mongodb_uri: str) -> AsyncIterator[Client]:
    streams = connect_for_streams(mongodb_uri)
    yield streams
    streams.close()


async def test_recording_goes_on_behind_the_log_whatever_the_lease_says(
    streams: Client, client: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    recorder = client[database]["recorder"]
    team = await new_team(store, members=("sue", "joe"))
    async with recording(streams, database):
        await log.wait_until_complete()

    await recorder.delete_many({})
    await add(store, team.id, "mia")
    async with recording(streams, database):
        await log.wait_until_complete()
    for field, values in BROKEN_LEASES:
        for number, value in enumerate(values):
            await recorder.update_one({}, {"$set": {field: value}})
            await add(store, team.id, f"{field}-{number}")
            async with recording(streams, database):
                await log.wait_until_complete()

    assert len(await log.told(team.id)) == 4 + sum(len(values) for _, values in BROKEN_LEASES)
    assert await log.faults() == []


NEXT: Any = "next"
FOREIGN_ENTRIES: list[dict[str, Any]] = [
    {"position": NEXT},
    {"position": Int64(2**62)},
    {"position": Int64(2**63 - 1), "kind": 5},
    {"position": "x"},
    {"position": NEXT, "version": 3},
    {"position": NEXT, "version": 3, "at": UNDECODABLE},
    {"position": NEXT, "version": 3, "at": "x", "commitTime": "y", "kind": ["z"]},
    {"position": NEXT, "version": 3, "kind": Code("f()"), "userId": Code("g()")},
    {**JOINED, "position": NEXT, "version": 3},
    {"position": NEXT, "version": 50, "kind": "TeamDeleted", "at": NOW},
    {"position": NEXT, "version": Int64(2**62)},
    {"position": NEXT, "version": "x"},
    {"position": 1_000},
]


async def test_recording_goes_on_behind_foreign_entries_of_the_log(
    streams: Client, client: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    changes, calm = client[database]["team_changes"], await new_team(store)
    teams = [await new_team(store, members=(f"sue-{i}",)) for i in range(len(FOREIGN_ENTRIES))]
    everyone = HistoryPage(after=None, newest_first=False, limit=100)
    async with recording(streams, database):
        for number, (team, entry) in enumerate(zip(teams, FOREIGN_ENTRIES, strict=True)):
            await eventually(lambda: _are_told(client, database, {f"sue-{number}"}))  # noqa: B023
            if entry["position"] == NEXT:
                last = await MongoChangeLog(client, database).last_position()
                entry = {**entry, "position": last + 1}  # noqa: PLW2901
            await changes.insert_one({"teamId": team.id, **entry})
            joining = [f"mia-{number}", f"joe-{number}"]
            for user in joining:
                await add(store, team.id, user, request_id=user)
            await add(store, calm.id, f"calm-{number}")
            await eventually(lambda: _are_told(client, database, {*joining, f"calm-{number}"}))  # noqa: B023

    history = await MongoChangeLog(client, database).histories_of_teams(
        [team.id for team in teams], everyone
    )
    for number, team in enumerate(teams):
        versions = {str(c.user_id): c.version for c in history[team.id] if c.commit_time}
        joined = [versions[f"{user}-{number}"] for user in ("sue", "mia", "joe")]
        assert joined == sorted(set(joined)), FOREIGN_ENTRIES[number]
    assert [version for version, _ in await log.told(calm.id)] == list(range(1, len(teams) + 2))


async def _are_told(client: Client, database: str, users: set[str]) -> bool:
    told = await MongoChangeLog(client, database).changes_after(0, limit=1_000)
    return {str(change.user_id) for change in told if change.commit_time} >= users
