"""`doctor --log`: the change log, replayed, against the stored teams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from app.doctor.compare import LogReport, compare_with_log
from app.doctor.rules.findings import LogFinding
from app.doctor.storage.teams import StoredTeams
from app.domain.changes import UNCHANGED, Change, attribute
from app.domain.ids import TeamId, Version
from app.domain.teams import Team
from app.service.delete_team import delete_team
from app.storage.client import Client, close
from app.storage.teams.store import MongoTeamStore
from tests.harness import service
from tests.harness.client import Client as ApiClient
from tests.harness.doctor import run_doctor
from tests.harness.driver import connect_for_streams
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.servers import running_servers


class Scene:
    """A team that was created and renamed, joined by Sue and Bob, and left by Bob."""

    def __init__(self, client: Client, streams: Client, database: str) -> None:
        self.client, self.streams, self.name = client, streams, database
        self.teams = client[database]["teams"]
        self.changes = client[database]["team_changes"]
        self.store = MongoTeamStore(client, database, default_capacity=1_000)
        self.log = ChangeLogReader(client, database)

    async def build(self) -> Team:
        async with recording(self.streams, self.name):
            team = await service.new_team(self.store, "Red", capacity=50)
            await service.rename(self.store, team.id, "Blue", expected_version=1)
            await service.add(self.store, team.id, "sue")
            await service.add(self.store, team.id, "bob")
            await service.remove(self.store, team.id, "bob")
            await self.log.wait_until_complete()
        return team

    async def compare(self, teams: StoredTeams | None = None) -> LogReport:
        stored = teams or StoredTeams(self.client, self.name)
        return await compare_with_log(stored)

    async def update_team(self, team: Team, update: Mapping[str, Any]) -> None:
        await self.teams.update_one({"_id": ObjectId(team.id)}, update)

    async def update_entry(self, team: Team, version: int, **values: Any) -> None:
        await self.changes.update_one({"teamId": team.id, "version": version}, {"$set": values})


@pytest.fixture
async def scene(mongodb_uri: str, client: Client, database: str) -> AsyncIterator[Scene]:
    streams = connect_for_streams(mongodb_uri)
    yield Scene(client, streams, database)
    await close(streams)


async def delete(scene: Scene, team: Team, version: int) -> None:
    await delete_team(
        scene.store,
        viewer_id=None,
        team_id=team.id,
        expected_version=Version(version),
        request_id=None,
    )


async def test_all_kinds_of_changes_are_replayed_without_a_difference(scene: Scene) -> None:
    team = await scene.build()
    async with recording(scene.streams, scene.name):
        other, removed = [await service.new_team(scene.store) for _ in range(2)]
        await service.add_many(scene.store, team.id, "ann", "joe", "max")
        await service.move(scene.store, "joe", other.id)
        for name, capacity in (("Green", None), ("Grey", 7), (UNCHANGED, 8), (UNCHANGED, None)):
            found = await scene.teams.find_one({"_id": ObjectId(team.id)})
            assert found is not None
            by = attribute("updateTeam", actor_id=None, request_id=None)
            await scene.store.update_team(
                team_id=team.id,
                expected_version=found["version"],
                name=name,
                capacity=capacity,
                by=by,
            )
        await delete(scene, other, 2)
        await scene.teams.delete_one({"_id": ObjectId(removed.id)})
        await scene.teams.insert_one({"_id": "own", "name": "Own", "userIds": [], "version": 1})
        await service.add(scene.store, TeamId("own"), "kim")
        await scene.log.wait_until_complete()

    report = await scene.compare()

    assert (report.examined, report.differing) == (3, 0)
    # The team of another program began with a foreign change.
    assert report.cases == {
        LogFinding.UNKNOWN: [(TeamId("own"), "members, name, capacity")],
    }


@pytest.mark.parametrize(
    ("update", "finding", "text"),
    [
        ({"$push": {"userIds": "eve"}}, "members", "only in the log: nobody; only in the team: 'e"),
        ({"$set": {"userIds": []}}, "members", "only in the log: 'sue'; only in the team: nobody"),
        ({"$set": {"name": "Black"}}, "name", "the log gives 'Blue', the team has 'Black'"),
        ({"$unset": {"capacity": ""}}, "capacity", "the log gives 50, the team has null"),
        ({"$set": {"deletedAt": datetime.now(UTC)}}, "deletion", "the log gives live"),
        ({"$set": {"version": 4}}, "version", "the log ends with version 5, the team has version"),
    ],
)
async def test_a_team_changed_without_a_version_is_a_difference(
    scene: Scene, update: Mapping[str, Any], finding: str, text: str
) -> None:
    team = await scene.build()
    await scene.update_team(team, update)

    report = await scene.compare()

    assert report.differing == 1
    ((team_id, note),) = report.cases[LogFinding(finding)]
    assert team_id == team.id
    assert note.startswith(text)


@pytest.mark.parametrize(
    ("version", "values", "finding"),
    [
        (2, {"name": "Black"}, "name"),
        (3, {"userId": "eve"}, "members"),
        (5, {"kind": "UserJoinedTeam"}, "contradiction"),
        (1, {"kind": "CapacityChanged"}, "contradiction"),
        (3, None, "missingEntries"),
        (1, None, "missingEntries"),
    ],
)
async def test_an_entry_that_was_changed_or_removed_is_a_difference(
    scene: Scene, version: int, values: dict[str, Any] | None, finding: str
) -> None:
    team = await scene.build()
    if values is None:
        await scene.changes.delete_one({"teamId": team.id, "version": version})
    else:
        await scene.update_entry(team, version, **values)

    report = await scene.compare()

    assert report.counts == {LogFinding(finding): 1}


async def test_a_removed_document_is_a_difference_until_it_is_recorded(scene: Scene) -> None:
    team = await scene.build()
    await scene.teams.delete_one({"_id": ObjectId(team.id)})

    report = await scene.compare()

    assert report.cases == {
        LogFinding.NO_DOCUMENT: [(team.id, "the log ends with version 5, and no deletion")]
    }


async def test_a_restored_team_differs_from_its_deletion(scene: Scene) -> None:
    team = await scene.build()
    async with recording(scene.streams, scene.name):
        await delete(scene, team, 5)
        await scene.log.wait_until_complete()
    await scene.update_team(team, {"$unset": {"deletedAt": ""}, "$push": {"userIds": "sue"}})

    report = await scene.compare()

    assert report.counts == {LogFinding.DELETION: 1, LogFinding.MEMBERS: 1}


@pytest.mark.parametrize("kind", ["ForeignChange", "HistoryGap", "FromALaterRelease"])
async def test_what_a_gap_or_foreign_change_hides_is_no_difference(scene: Scene, kind: str) -> None:
    team = await scene.build()
    await scene.update_entry(team, 2, kind=kind)
    await scene.update_team(team, {"$set": {"name": "Black", "userIds": ["joe"], "capacity": 9}})
    hidden = await scene.compare()
    async with recording(scene.streams, scene.name):
        await service.rename(scene.store, team.id, "Known", expected_version=5)
        await scene.log.wait_until_complete()
    await scene.update_team(team, {"$set": {"name": "Black"}})

    renamed = await scene.compare()

    assert hidden.cases == {LogFinding.UNKNOWN: [(team.id, "members, name, capacity")]}
    assert renamed.counts == {LogFinding.NAME: 1, LogFinding.UNKNOWN: 1}


async def test_unrecorded_changes_and_damaged_teams_are_no_difference(scene: Scene) -> None:
    team = await scene.build()
    await service.add(scene.store, team.id, "ann")
    await scene.teams.insert_one(
        {"_id": 5, "name": "Five", "userIds": []}, bypass_document_validation=True
    )

    report = await scene.compare()

    assert report.differing == 0
    assert report.counts == {LogFinding.UNRECORDED: 1, LogFinding.DAMAGED: 1}


class Interrupted(StoredTeams):
    """A collection in which something happens between the reads of a team and of its log."""

    happens: Callable[[], Awaitable[object]]

    async def changes_of(self, team_ids: Sequence[TeamId]) -> AsyncIterator[Sequence[Change]]:
        await self.happens()
        async for changes in super().changes_of(team_ids):
            yield changes


async def test_a_difference_that_is_gone_when_read_again_does_not_count(scene: Scene) -> None:
    team = await scene.build()
    await scene.update_team(team, {"$push": {"userIds": "eve"}})
    teams = Interrupted(scene.client, scene.name)
    teams.happens = lambda: scene.update_team(team, {"$pull": {"userIds": "eve"}})

    report = await scene.compare(teams)

    assert report.counts == {}


async def test_a_team_that_is_never_read_at_its_newest_version_is_compared(scene: Scene) -> None:
    team = await scene.build()
    teams, users = Interrupted(scene.client, scene.name), iter("abcdef")

    async def join() -> None:
        await service.add(scene.store, team.id, next(users))
        await scene.log.wait_until_complete()

    teams.happens = join

    async with recording(scene.streams, scene.name):
        report = await scene.compare(teams)

    assert report.counts == {}


async def test_a_team_of_10000_members_is_compared(scene: Scene) -> None:
    users = [f"user-{number}" for number in range(10_000)]
    async with recording(scene.streams, scene.name):
        team = await service.new_team(scene.store, capacity=10_000)
        for begin in range(0, len(users), 100):
            await service.add_many(scene.store, team.id, *users[begin : begin + 100])
        await scene.log.wait_until_complete()
    well = await scene.compare()
    await scene.update_team(team, {"$set": {"userIds.9999": "eve"}})

    changed = await scene.compare()

    assert well.counts == {}
    assert changed.cases == {
        LogFinding.MEMBERS: [(team.id, "only in the log: 'user-9999'; only in the team: 'eve'")]
    }


async def test_teams_that_change_meanwhile_do_not_differ(scene: Scene) -> None:
    quiet = await scene.build()
    teams = [await service.new_team(scene.store) for _ in range(4)]
    ends = False

    async def change(number: int) -> None:
        here, there = teams[number % 4].id, teams[(number + 1) % 4].id
        user = f"user-{number}"
        while not ends:
            await service.add(scene.store, here, user)
            await service.move(scene.store, user, there)
            await service.remove(scene.store, there, user)

    async with recording(scene.streams, scene.name):
        load = asyncio.gather(*map(change, range(12)))
        reports = [await scene.compare() for _ in range(20)]
        await scene.update_team(quiet, {"$push": {"userIds": "eve"}})
        reports_of_one = [await scene.compare() for _ in range(5)]
        ends = True
        await load
        await scene.log.wait_until_complete()
    last = await scene.compare()

    assert [report.differing for report in reports] == [0] * 20
    assert [report.differing for report in reports_of_one] == [1] * 5
    assert last.counts == {LogFinding.MEMBERS: 1}


async def test_the_command_runs_beside_a_server(
    mongodb_uri: str, client: Client, database: str
) -> None:
    async with running_servers(1, mongodb_uri, database) as (server,):
        async with ApiClient(server.url) as one:
            created = await one.mutate("createTeam", viewer="sue", name="Red")
            await one.mutate("joinTeam", viewer="sue", teamId=created["team"]["id"])
        await ChangeLogReader(client, database).wait_until_complete()
        well = await run_doctor(mongodb_uri, database, "--log")
        await client[database].teams.update_one({}, {"$set": {"userIds": ["eve"]}})
        differing = await run_doctor(mongodb_uri, database, "--log")
        as_json = await run_doctor(mongodb_uri, database, "--log", "--json")

    assert (well.status, differing.status, as_json.status) == (0, 1, 1)
    assert "No difference found" in well.output
    assert "Teams with other members: 1" in differing.output
    (finding,) = as_json.report["findings"]
    note = "only in the log: 'sue'; only in the team: 'eve'"
    assert finding == {
        "finding": "members",
        "isDifference": True,
        "count": 1,
        "cases": [{"team": created["team"]["id"], "note": note}],
    }
