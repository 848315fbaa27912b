"""External writes to `teams` are recorded as such and stop nothing."""

from collections.abc import AsyncIterator

import pytest
from bson import Int64, ObjectId

from app.domain.changes import attribute
from app.domain.ids import Version
from app.storage.changes.log import MongoChangeLog
from app.storage.preparation import prepare_database
from tests.harness.waiting import eventually
from tests.storage.conftest import World


@pytest.fixture(autouse=True)
async def _recorder(world: World) -> AsyncIterator[None]:
    """A recorder that follows the stream, and must still run at the end."""
    async with world.recording() as recorder:
        yield
        assert not recorder.done()


async def test_a_foreign_write_with_a_version_is_recorded_as_a_foreign_change(world: World) -> None:
    teams = world.teams
    team = await world.new_team("sue")
    imported = ObjectId()

    await teams.update_one({"_id": ObjectId(team.id)}, {"$inc": {"version": 1}})
    await teams.insert_one({"_id": imported, "name": "B", "userIds": [], "version": Int64(1)})
    await world.add(team, "joe")
    await world.log.wait_until_complete()

    assert (await world.log.told(team.id))[2:] == [(3, "ForeignChange"), (4, "UserJoinedTeam")]
    assert await world.log.told(imported) == [(1, "ForeignChange")]
    assert await world.log.faults() == []


async def test_a_foreign_write_that_skips_versions_leaves_a_gap_before_it(world: World) -> None:
    team = await world.new_team()

    await world.set(team, {"$set": {"version": 5, "name": "Other"}})
    await world.add(team, "sue")
    await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [
        (1, "TeamCreated"),
        (4, "HistoryGap"),
        (5, "ForeignChange"),
        (6, "UserJoinedTeam"),
    ]
    assert await world.log.faults() == []


async def test_a_team_that_is_replaced_as_a_whole_is_a_foreign_change(world: World) -> None:
    teams = world.teams
    team = await world.new_team("sue")

    document = await teams.find_one({"_id": ObjectId(team.id)})
    assert document is not None
    await teams.replace_one({"_id": document["_id"]}, {**document, "name": "Other", "version": 3})
    await world.log.wait_until_complete()

    assert (await world.log.told(team.id))[1:] == [(2, "UserJoinedTeam"), (3, "ForeignChange")]


async def test_foreign_writes_without_a_version_are_noticed_and_not_fatal(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    teams = world.teams
    team = await world.new_team()

    await teams.update_one({"_id": ObjectId(team.id)}, {"$set": {"name": "Other"}})
    await world.add(team, "sue")
    await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
    assert len([r for r in caplog.records if "foreign write" in r.message]) == 1


async def test_a_document_removed_by_an_external_writer_is_recorded_as_deleted(
    world: World,
) -> None:
    team = await world.new_team("sue")

    await world.teams.delete_one({"_id": ObjectId(team.id)})
    await world.until_recorded(team, 3)

    assert (await world.log.told(team.id))[1:] == [(2, "UserJoinedTeam"), (3, "TeamDeleted")]


async def test_the_removal_of_a_deleted_teams_document_is_not_recorded(world: World) -> None:
    team = await world.new_team()
    by = attribute("deleteTeam", actor_id=None, request_id=None)
    await world.store.delete_team(team_id=team.id, expected_version=Version(1), by=by)

    await world.teams.delete_one({"_id": ObjectId(team.id)})
    later = await world.new_team()
    await world.until_recorded(later, 1)

    assert await world.log.told(team.id) == [(1, "TeamCreated"), (2, "TeamDeleted")]


@pytest.mark.parametrize("version", ["2", 2.0, 0, True, None])
async def test_a_malformed_version_past_the_validator_stops_nothing(
    version: object, world: World
) -> None:
    teams = world.teams
    team = await world.new_team()

    await teams.update_one(
        {"_id": ObjectId(team.id)}, {"$set": {"version": version}}, bypass_document_validation=True
    )
    await teams.update_one({"_id": ObjectId(team.id)}, {"$set": {"version": 1}})
    await world.add(team, "sue")
    await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]


async def test_a_version_that_cannot_be_restored_is_logged_in_one_line(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    teams = world.teams
    team = await world.new_team("sue")
    await world.log.wait_until_complete()

    await teams.update_one(
        {"_id": ObjectId(team.id)},
        {"$set": {"version": 1, "createdAt": "private"}},
        bypass_document_validation=True,
    )

    async def is_told() -> bool:
        return "can't be corrected" in caplog.text

    await eventually(is_told)
    assert "(code 121). Run the doctor." in caplog.text
    assert "private" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "last_change",
    [{}, {"by": "a script"}, {"kind": "Nonsense", "at": 3}, {"kind": "HistoryGap", "teamId": "x"}],
)
async def test_an_unreadable_last_change_is_recorded_as_a_foreign_change(
    last_change: dict[str, object], world: World
) -> None:
    team = await world.new_team()

    await world.set(team, {"$inc": {"version": 1}, "$set": {"lastChange": last_change}})
    await world.add(team, "sue")
    await world.log.wait_until_complete()

    read = await MongoChangeLog(world.client, world.name).changes_after(0, limit=10)
    assert [(change.version, change.kind) for change in read] == [
        (1, "TeamCreated"),
        (2, "ForeignChange"),
        (3, "UserJoinedTeam"),
    ]


async def test_a_collection_that_is_dropped_and_recreated_is_recorded_again(world: World) -> None:
    await world.new_team()
    await world.log.wait_until_complete()

    await world.database.drop_collection("teams")
    await prepare_database(world.client, world.name)
    team = await world.new_team("sue")
    await eventually(world.log.is_complete)

    assert (await world.log.told(team.id))[-1] == (2, "UserJoinedTeam")
