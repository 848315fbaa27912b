"""Whatever an external writer stores in a team, every other team is recorded in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Code, ObjectId, Regex
from bson.errors import BSONError
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from app.domain.changes import Change
from app.domain.ids import TeamId
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.tail import MongoChangeTail
from tests.harness.odd_values import FAR, JOINED, ODD_VALUES
from tests.harness.waiting import eventually
from tests.storage.conftest import World

NOW = datetime(2026, 5, 4, tzinfo=UTC)
FIELDS = (
    "kind", "at", "actorId", "userId", "name", "capacity", "requestId", "input", "otherTeamId",
    "position", "_id", "version", "teamId", "commitTime", "fromVersion",
)  # fmt: skip


@pytest.fixture
async def told(world: World) -> AsyncIterator[list[Change]]:
    """All that the tail tells; recorder and tail must still run at the end."""
    told: list[Change] = []
    follows = asyncio.Event()

    async def follow() -> None:
        async for changes in MongoChangeTail(world.streams, world.name).follow():
            follows.set()
            told.extend(changes)

    following = asyncio.create_task(follow())
    async with world.recording() as recorder:
        await follows.wait()
        yield told
        assert not recorder.done()
    assert not following.done()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def _versions(changes: list[Change], team_id: TeamId) -> list[tuple[int, str]]:
    return [(change.version, str(change.kind)) for change in changes if change.team_id == team_id]


async def _is_told(told: list[Change], team_id: TeamId, count: int) -> bool:
    return len(_versions(told, team_id)) >= count


async def test_no_odd_field_of_a_foreign_last_change_stops_the_recording(
    told: list[Change], world: World
) -> None:
    teams = world.teams
    odd, calm = await world.new_team(), await world.new_team()

    said = [{**JOINED, field: value} for field in FIELDS for value in ODD_VALUES]
    writes: list[dict[str, Any]] = [
        {"$inc": {"version": 1}, "$set": {"lastChange": each}} for each in said
    ]
    await teams.bulk_write([UpdateOne({"_id": ObjectId(odd.id)}, write) for write in writes])
    await world.add(calm, "joe")
    written = 1 + len(said)
    await eventually(lambda: _is_told(told, odd.id, written))
    await eventually(lambda: _is_told(told, calm.id, 2))

    assert [version for version, _ in _versions(told, odd.id)] == list(range(1, written + 1))
    assert _versions(told, calm.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
    assert await world.log.faults() == []
    assert {type(change.user_id) for change in told} <= {str, type(None)}


async def test_lost_history_is_filled_despite_malformed_teams(world: World) -> None:
    teams = world.teams
    calm, gone, lowered = [await world.new_team(f"user-{i}") for i in range(3)]
    async with world.recording():
        await world.log.wait_until_complete()
    await world.database["recorder"].update_one({}, {"$unset": {"resumeToken": 1}})

    await teams.insert_many(
        [
            {"name": "Odd", "userIds": [], "version": 1, "lastChange": odd, "updatedAt": odd}
            for odd in [*ODD_VALUES, {**JOINED, "at": FAR}, {**JOINED, "userId": "y" * 10**6}]
        ],
        bypass_document_validation=True,
    )
    for odd in [value for value in ODD_VALUES if value not in ([1], Regex("("), [])]:
        with suppress(PyMongoError, BSONError):
            await world.database.get_collection("teams").insert_one(
                {"_id": odd, "name": "Odd", "userIds": [], "version": odd},
                bypass_document_validation=True,
            )
    await teams.delete_one({"_id": ObjectId(gone.id)})
    await teams.update_one({"_id": ObjectId(lowered.id)}, {"$set": {"version": 1}})
    await world.add(lowered, "mia")
    await world.add(calm, "joe")
    async with world.recording() as recorder:
        await world.until_recorded(gone, 3)
        await world.until_recorded(lowered, 4)
        await world.add(calm, "eve")
        await world.until_recorded(calm, 4)
        assert not recorder.done()

    assert [version for version, _ in await world.log.told(calm.id)] == [1, 2, 3, 4]
    assert (await world.log.told(gone.id))[-1] == (3, "TeamDeleted")
    assert (await world.log.told(lowered.id))[2:] == [(3, "UserJoinedTeam"), (4, "ForeignChange")]
    assert (await world.log.entries(lowered.id))[2]["userId"] == "mia"
    assert await world.log.faults() == []


@pytest.mark.parametrize("version", [1, 2, 3, 2**31, 2**62])
async def test_changes_after_a_lowered_version_are_all_sent_in_order(
    version: int, told: list[Change], world: World
) -> None:
    team = await world.new_team("u2", "u3", "u4")
    await world.log.wait_until_complete()
    joining = [f"late-{i}" for i in range(20)]

    await world.set(team, {"$set": {"version": version}})
    if version >= 2**31:  # refused until then, since it could not be told
        await eventually(lambda: _is_brought_back(world, team.id))
    for user in joining:
        await world.add(team, user)
        await asyncio.sleep(0)
    await eventually(lambda: _are_told(told, joining))
    await eventually(lambda: _is_brought_back(world, team.id))

    assert [c.user_id for c in told if str(c.user_id).startswith("late")] == joining
    versions = [version for version, _ in _versions(told, team.id)]
    assert versions == list(range(1, len(versions) + 1))
    assert await world.log.faults() == []


async def _are_told(told: list[Change], users: list[str]) -> bool:
    return {change.user_id for change in told} >= set(users)


async def _is_brought_back(world: World, team_id: TeamId) -> bool:
    team = await world.teams.find_one({"_id": ObjectId(team_id)}, {"version": 1})
    return team is not None and team["version"] == (await world.log.told(team_id))[-1][0]


async def test_the_log_passes_over_what_another_release_wrote_into_it(
    told: list[Change], world: World
) -> None:
    team = await world.new_team()
    await world.log.wait_until_complete()
    await eventually(lambda: _is_told(told, team.id, 1))
    newer = {"kind": Code("f()"), "teamId": "x", "version": 1, "at": NOW, "position": 2}
    position = {"$inc": {"position": 2}}
    await world.database["recorder"].update_one({}, position)  # as a newer release had recorded

    await world.database["team_changes"].insert_many(
        [newer, {"kind": "Compacted", "position": 3}, {**newer, "position": "x", "version": "y"}]
    )
    read = await MongoChangeLog(world.client, world.name).changes_after(1, limit=10)
    await eventually(lambda: _is_told(told, TeamId("x"), 1))

    assert [str(change.kind) for change in read] == ["ForeignChange", "Unreadable"]
    assert [change.position for change in told] == [1, 2, 3]
