"""Read and rewrite the team collection document by document.

A write requires the whole document to be unchanged since it was read: a concurrent external writer
wins, and the document is planned again. The journal entry is written first.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pymongo.errors import DuplicateKeyError

from app.doctor.ports import Obstacle, PlannedRepair
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.doctor.storage.exclusive_access import LeaseGuard
from app.doctor.storage.journal import RepairJournal
from app.doctor.storage.structure import clear_structure, enforce_validation, read_structure
from app.doctor.storage.swaps import Swap, swap
from app.doctor.storage.team_documents import (
    id_of,
    id_of_document,
    key_of,
    now,
    read_stored_team,
    repaired_document,
    split_batch,
)
from app.domain.faults import RepairStopped
from app.domain.ids import TeamId
from app.storage.client import Client, team_changes_of, teams_of
from app.storage.documents import stored_team_id
from app.storage.errors import driver_faults
from app.storage.preparation import prepare_database

# An answer of the database holds as many documents, or fewer where they are large: decoded, a team
# of 10,000 members takes ten times what it takes as it is stored.
DOCUMENTS_AT_ONCE = 500
BYTES_AT_ONCE = 1_000_000


class MongoStoredTeams:
    """`StoredTeams` on MongoDB."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._database = database
        self._teams = teams_of(client, database)
        self._changes = team_changes_of(client, database)

    async def count(self) -> int:
        with driver_faults():
            return await self._teams.estimated_document_count()

    async def walk(self) -> AsyncIterator[StoredTeam]:
        async for team in self._find({}):
            yield team

    async def read(self, keys: Sequence[TeamKey]) -> AsyncIterator[StoredTeam]:
        if keys:
            async for team in self._find({"_id": {"$in": [id_of(key) for key in keys]}}):
                yield team

    async def recorded_versions(self, team_ids: Sequence[TeamId]) -> Mapping[TeamId, int]:
        pipeline: list[dict[str, Any]] = [
            {"$match": {"teamId": {"$in": list(team_ids)}}},
            {"$group": {"_id": "$teamId", "version": {"$max": "$version"}}},
        ]
        with driver_faults():
            found = await self._changes.aggregate(pipeline).to_list(None)
        return {TeamId(team["_id"]): team["version"] for team in found}

    async def taken_ids(self, team_ids: Sequence[TeamId]) -> frozenset[TeamId]:
        if not team_ids:
            return frozenset()
        wanted = {"_id": {"$in": [stored_team_id(id_) for id_ in team_ids]}}
        with driver_faults():
            found = await self._teams.find(wanted, {"_id": 1}).to_list(None)
        return frozenset(TeamId(str(document["_id"])) for document in found)

    async def obstacles(self) -> Sequence[Obstacle]:
        with driver_faults():
            return (await read_structure(self._client, self._database)).obstacles()

    async def _find(self, wanted: Mapping[str, Any]) -> AsyncIterator[StoredTeam]:
        with driver_faults():
            described = await self._teams.database.command("collStats", self._teams.name)
            fitting = BYTES_AT_ONCE // (described.get("avgObjSize") or 1)
            batches = self._teams.find_raw_batches(
                wanted, sort=[("_id", 1)], batch_size=max(2, min(DOCUMENTS_AT_ONCE, fitting))
            )
            async for batch in batches:
                for stored in split_batch(batch):
                    yield read_stored_team(stored)


class MongoRepairableTeams(MongoStoredTeams):
    """`RepairableTeams` on MongoDB, under the lease and with a journal."""

    def __init__(
        self, client: Client, database: str, guard: LeaseGuard, *, request_memory_hours: int
    ) -> None:
        super().__init__(client, database)
        self._guard = guard
        self._journal = RepairJournal(client, database)
        self._request_memory_hours = request_memory_hours

    async def remove_obstacles(self) -> None:
        self._guard.check()
        with driver_faults():
            structure = await read_structure(self._client, self._database)
            await self._journal.write_collection(structure, at=now())
            await clear_structure(self._client, self._database)

    async def rewrite(self, repairs: Sequence[PlannedRepair]) -> Sequence[TeamKey]:
        if not repairs:
            return ()
        self._guard.check()
        at = now()
        with driver_faults():
            first = await self._journal.next_number()
            written = [
                (each, repaired_document(each.team, each.plan, at=at, entry=number))
                for number, each in enumerate(repairs, first)
            ]
            await self._journal.write_teams(written, at=at)
            missed = await swap(
                self._client,
                self._teams,
                [Swap(each.team.stored, after) for each, after in written],
            )
        return [key_of(id_of_document(each.before)) for each in missed]

    async def prepare(self) -> None:
        self._guard.check()
        with driver_faults():
            await enforce_validation(self._client, self._database)
        try:
            await prepare_database(
                self._client, self._database, request_memory_hours=self._request_memory_hours
            )
        except DuplicateKeyError as error:
            raise RepairStopped(
                f"All teams are repaired, but an index can't be built. MongoDB says: {error}"
            ) from error
