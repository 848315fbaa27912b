"""Whatever another program does to the log or the recorder's document, recording goes on."""

from datetime import UTC, datetime
from typing import Any

from bson import Code, Int64, MaxKey, Timestamp

from app.domain.pages import HistoryPage
from app.storage.changes.log import MongoChangeLog
from tests.harness.odd_values import FAR, JOINED, UNDECODABLE
from tests.harness.waiting import eventually
from tests.storage.conftest import World

NOW = datetime(2026, 5, 4, tzinfo=UTC)
IN_YEAR_3000 = datetime(3000, 1, 1, tzinfo=UTC)
BROKEN_LEASES: list[tuple[str, list[Any]]] = [
    ("position", [1, -5, "x", 2.5, Int64(2**62), UNDECODABLE]),
    ("term", ["x", Int64(2**63 - 1), UNDECODABLE]),
    ("expiresAt", [MaxKey(), Timestamp(2**31, 1), datetime(3000, 1, 1, tzinfo=UTC), FAR]),
    ("resumeToken", ["x", {"_data": 5}, {"_data": "zz"}, {"_data": "82"}, {}, UNDECODABLE]),
]


async def test_recording_goes_on_behind_the_log_whatever_the_lease_says(world: World) -> None:
    recorder = world.database["recorder"]
    team = await world.new_team("sue", "joe")
    async with world.recording():
        await world.log.wait_until_complete()

    await recorder.delete_many({})
    await world.add(team, "mia")
    async with world.recording():
        await world.log.wait_until_complete()
    for field, values in BROKEN_LEASES:
        for number, value in enumerate(values):
            await recorder.update_one({}, {"$set": {field: value}})
            await world.add(team, f"{field}-{number}")
            async with world.recording():
                await world.log.wait_until_complete()

    assert len(await world.log.told(team.id)) == 4 + sum(len(values) for _, values in BROKEN_LEASES)
    assert await world.log.faults() == []


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


async def test_recording_goes_on_behind_foreign_entries_of_the_log(world: World) -> None:
    changes, calm = world.database["team_changes"], await world.new_team()
    teams = [await world.new_team(f"sue-{i}") for i in range(len(FOREIGN_ENTRIES))]
    everyone = HistoryPage(size=100)
    async with world.recording():
        for number, (team, entry) in enumerate(zip(teams, FOREIGN_ENTRIES, strict=True)):
            await _until_told(world, {f"sue-{number}"})
            if entry["position"] == NEXT:
                last = await MongoChangeLog(world.client, world.name).last_position()
                entry = {**entry, "position": last + 1}  # noqa: PLW2901
            await changes.insert_one({"teamId": team.id, **entry})
            joining = [f"mia-{number}", f"joe-{number}"]
            for user in joining:
                await world.add(team, user, request_id=user)
            await world.add(calm, f"calm-{number}")
            await _until_told(world, {*joining, f"calm-{number}"})

    history = await MongoChangeLog(world.client, world.name).histories_of_teams(
        [team.id for team in teams], everyone
    )
    for number, team in enumerate(teams):
        versions = {str(c.user_id): c.version for c in history[team.id] if c.commit_time}
        joined = [versions[f"{user}-{number}"] for user in ("sue", "mia", "joe")]
        assert joined == sorted(set(joined)), FOREIGN_ENTRIES[number]
    assert [version for version, _ in await world.log.told(calm.id)] == list(
        range(1, len(teams) + 2)
    )


async def _until_told(world: World, users: set[str]) -> None:
    async def are_told() -> bool:
        told = await MongoChangeLog(world.client, world.name).changes_after(0, limit=1_000)
        return {str(change.user_id) for change in told if change.commit_time} >= users

    await eventually(are_told)
