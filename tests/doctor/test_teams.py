"""Repairs with concurrent writers, several batches, size limits and a lost lease."""

from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from bson import ObjectId

from app.doctor import repair as repair_module
from app.doctor.examine import Examination
from app.doctor.membership_index import MembershipIndex
from app.doctor.repair import reason_to_refuse, repair, undo
from app.doctor.rules.findings import Finding
from app.doctor.rules.memberships import Keep
from app.doctor.storage import exclusive_access as guard_module
from app.doctor.storage.exclusive_access import LeaseGuard, exclusive_access
from app.doctor.storage.journal import RepairJournal
from app.doctor.storage.repairs import RepairableTeams
from app.doctor.storage.swaps import Swap
from app.doctor.storage.team_documents import MAX_DOCUMENT_BYTES
from app.doctor.storage.teams import StoredTeams
from app.domain.faults import DatabaseUnsuitable, RepairStopped
from app.storage.changes.lease import take_lease
from app.storage.client import Client, recorder_of
from tests.harness.doctor import end_lease, stored_teams


@pytest.fixture
async def guard(client: Client, empty_database: str) -> AsyncIterator[LeaseGuard]:
    async with exclusive_access(client, empty_database) as guard:
        yield guard


@pytest.fixture
def repairable(client: Client, empty_database: str, guard: LeaseGuard) -> RepairableTeams:
    return RepairableTeams(client, empty_database, guard, request_memory_hours=24)


def examination_of(repairable: RepairableTeams, index: MembershipIndex) -> Examination:
    return Examination(repairable, index, Keep.FIRST_JOINED, default_capacity=1_000)


async def repaired(repairable: RepairableTeams) -> int:
    with closing(MembershipIndex()) as index:
        examination = examination_of(repairable, index)
        return await repair(repairable, examination, await examination.examine())


async def test_a_write_between_the_journal_and_the_document_is_not_overwritten(
    client: Client,
    empty_database: str,
    repairable: RepairableTeams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teams, original = client[empty_database]["teams"], RepairJournal.write_teams
    await teams.insert_many([{"name": "Red", "userIds": ["sue"]}, {"name": "Blue"}])
    rivals = [{"$push": {"userIds": "ann"}}, {"$set": {"name": "Crimson"}}]

    async def write_teams(journal: RepairJournal, *given: Any, **named: Any) -> list[Swap]:
        swaps = await original(journal, *given, **named)
        if rivals:
            await teams.update_one({"userIds": "sue"}, rivals.pop(0))
        return swaps

    monkeypatch.setattr(RepairJournal, "write_teams", write_teams)
    before = await stored_teams(client, empty_database)

    count = await repaired(repairable)

    team = await teams.find_one({"userIds": "sue"})
    assert team is not None
    assert (team["name"], team["userIds"], team["version"]) == ("Crimson", ["sue", "ann"], 1)
    assert count == 2
    assert len(before) == 2


async def test_a_document_that_keeps_changing_ends_the_repair_with_a_sentence(
    client: Client,
    empty_database: str,
    repairable: RepairableTeams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teams, original = client[empty_database]["teams"], RepairJournal.write_teams
    await teams.insert_one({"name": "Red", "userIds": ["sue"]})

    async def write_teams(journal: RepairJournal, *given: Any, **named: Any) -> list[Swap]:
        swaps = await original(journal, *given, **named)
        await teams.update_one({}, {"$inc": {"counter": 1}})
        return swaps

    monkeypatch.setattr(RepairJournal, "write_teams", write_teams)

    with pytest.raises(RepairStopped, match="still writes"):
        await repaired(repairable)

    team = await teams.find_one({})
    assert team is not None
    assert "version" not in team
    assert team["counter"] == repair_module.MAX_ATTEMPTS


async def test_several_batches_are_repaired_and_undone(
    client: Client, empty_database: str, repairable: RepairableTeams
) -> None:
    teams = client[empty_database]["teams"]
    blob = "x" * 1_000_000
    await teams.insert_many([{"name": f"T{n}", "userIds": ["sue"], "b": blob} for n in range(9)])
    before = await stored_teams(client, empty_database)

    count = await repaired(repairable)
    on = await teams.count_documents({"userIds": "sue"})
    undone = await undo(repairable)

    assert (count, on, undone.restored) == (9, 1, 9)
    assert await stored_teams(client, empty_database) == before


async def test_a_document_that_is_too_large_is_reported_and_prevents_the_repair(
    client: Client, empty_database: str, repairable: RepairableTeams
) -> None:
    large = {"name": "L", "userIds": ["sue"], "blob": b"x" * MAX_DOCUMENT_BYTES}
    await client[empty_database]["teams"].insert_one(large)

    with closing(MembershipIndex()) as index:
        report = await examination_of(repairable, index).examine()

    assert report.counts == {Finding.TOO_LARGE: 1}
    assert "too large" in (reason_to_refuse(report) or "")


@pytest.mark.parametrize("how", [{"capped": True, "size": 4096}, {"collation": {"locale": "en"}}])
async def test_a_collection_with_unsupported_options_is_rejected(
    client: Client, empty_database: str, how: dict[str, Any]
) -> None:
    await client[empty_database].create_collection("teams", **how)

    with pytest.raises(DatabaseUnsuitable, match="Copy its documents"):
        await StoredTeams(client, empty_database).obstacles()


async def test_the_indexes_of_the_service_are_no_obstacle(client: Client, database: str) -> None:
    await client[database]["teams"].create_index("color")

    assert await StoredTeams(client, database).obstacles() == []


async def test_a_second_doctor_is_refused(
    client: Client, empty_database: str, guard: LeaseGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "PATIENCE_SECONDS", 0.5)

    with pytest.raises(RepairStopped, match="another doctor"):
        async with exclusive_access(client, empty_database):
            pass

    guard.check()


async def test_a_doctor_that_lost_its_lease_writes_nothing(
    client: Client, empty_database: str, guard: LeaseGuard, repairable: RepairableTeams
) -> None:
    team = {"_id": ObjectId(), "name": "Red"}
    await client[empty_database]["teams"].insert_one(team)
    await end_lease(client, empty_database)
    assert await take_lease(recorder_of(client, empty_database), "a server") is not None
    await guard.keep()

    with pytest.raises(RepairStopped, match="has started"):
        await repaired(repairable)

    assert await client[empty_database]["teams"].find().to_list(None) == [team]
