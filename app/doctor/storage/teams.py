"""Read the team collection document by document."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.doctor.storage.structure import Obstacle, read_structure
from app.doctor.storage.team_documents import id_of, read_stored_team
from app.domain.changes import Change
from app.domain.ids import TeamId
from app.storage.changes.documents import read_change
from app.storage.changes.lost_history import find_removals
from app.storage.client import Client, settled, team_changes_of, teams_of
from app.storage.documents import RAW, RECORDED_VERSION, all_decoded, stored_team_id
from app.storage.errors import driver_faults

# Limits of a cursor's batch. A decoded team of 10,000 members takes ten times its stored size.
DOCUMENTS_AT_ONCE = 500
BYTES_AT_ONCE = 1_000_000

CHANGES_AT_ONCE = 1_000


class StoredTeams:
    """Read access to the collection. *Raises*: `DatabaseUnavailable`."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._database = database
        self._teams = teams_of(client, database)
        self._changes = team_changes_of(client, database)

    async def count(self) -> int:
        """Estimated number of documents."""
        with driver_faults():
            return await self._teams.estimated_document_count()

    def walk(self) -> AsyncIterator[StoredTeam]:
        """All documents, ordered by `_id`."""
        return self._find({})

    async def read(self, keys: Sequence[TeamKey]) -> AsyncIterator[StoredTeam]:
        """The documents with these keys that still exist."""
        if keys:
            async for team in self._find({"_id": {"$in": [id_of(key) for key in keys]}}):
                yield team

    async def recorded_versions(self, team_ids: Sequence[TeamId]) -> Mapping[TeamId, int]:
        """The highest version of each team in the change log."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"teamId": {"$in": list(team_ids)}}},
            {"$group": {"_id": "$teamId", "version": {"$max": "$version"}}},
        ]
        with driver_faults():
            cursor = await settled(self._changes.aggregate(pipeline))
            found = await cursor.to_list(None)
        return {TeamId(team["_id"]): team["version"] for team in found}

    async def changes_of(self, team_ids: Sequence[TeamId]) -> AsyncIterator[Sequence[Change]]:
        """The changes of these teams, each team's in the order of versions, in batches."""
        wanted = {"teamId": {"$in": list(team_ids)}, "version": RECORDED_VERSION}
        order = [("teamId", 1), ("version", 1)]
        with driver_faults():
            found = self._changes.with_options(codec_options=RAW).find(
                wanted, sort=order, batch_size=CHANGES_AT_ONCE
            )
            while stored := await found.to_list(CHANGES_AT_ONCE):
                changes = all_decoded(stored)
                yield [read_change(each) for each in changes]

    async def recorded_without_document(self) -> AsyncIterator[Sequence[TeamId]]:
        """The teams without a document whose deletion is not in the log, in batches."""
        async for removals in find_removals(self._changes, self._teams):
            yield [TeamId(each["teamId"]) for each in removals]

    async def taken_ids(self, team_ids: Sequence[TeamId]) -> frozenset[TeamId]:
        """The ids among these that already belong to a document."""
        if not team_ids:
            return frozenset()
        wanted = {"_id": {"$in": [stored_team_id(id_) for id_ in team_ids]}}
        with driver_faults():
            found = await self._teams.find(wanted, {"_id": 1}).to_list(None)
        return frozenset(TeamId(str(document["_id"])) for document in found)

    async def obstacles(self) -> Sequence[Obstacle]:
        """Indexes and validators that prevent a server from starting or writing."""
        with driver_faults():
            return (await read_structure(self._client, self._database)).obstacles()

    async def _find(self, wanted: Mapping[str, Any]) -> AsyncIterator[StoredTeam]:
        with driver_faults():
            described = await self._teams.database.command("collStats", self._teams.name)
            fitting = BYTES_AT_ONCE // (described.get("avgObjSize") or 1)
            documents = self._teams.with_options(codec_options=RAW).find(
                wanted, sort=[("_id", 1)], batch_size=max(2, min(DOCUMENTS_AT_ONCE, fitting))
            )
            async for document in documents:
                yield read_stored_team(bytes(document.raw))
