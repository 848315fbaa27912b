"""A recorder for tests, and a reader of the log that it writes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from prometheus_client import CollectorRegistry

from app.monitoring.database_metrics import StorageMetrics
from app.storage.changes.recorder import Recorder
from app.storage.client import MAJORITY_READS, Client
from tests.harness.waiting import eventually

Entry = dict[str, Any]


@asynccontextmanager
async def recording(
    streams: Client, database: str, metrics: StorageMetrics | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """A recorder, cancelled at the end as a server does it; it may have failed by itself."""
    observer = metrics or StorageMetrics(CollectorRegistry())
    task = asyncio.create_task(Recorder(streams, database, observer).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(task, return_exceptions=True)


class ChangeLogReader:
    """The change log as the database holds it, read without the code under test."""

    def __init__(self, client: Client, database: str) -> None:
        # Read with the concerns of the code under test, so that it sees the same changes.
        self._database = client[database].with_options(read_concern=MAJORITY_READS)

    async def entries(self, team_id: object = None) -> list[Entry]:
        """The entries of one team or of all, in the order of recording."""
        whose = {} if team_id is None else {"teamId": str(team_id)}
        changes = self._database["team_changes"].find(whose).sort("position", 1)
        return await changes.to_list(None)

    async def told(self, team_id: object) -> list[tuple[int, str]]:
        """Versions and kinds of a team, in the order of recording."""
        return [(entry["version"], entry["kind"]) for entry in await self.entries(team_id)]

    async def is_complete(self) -> bool:
        """True if each team is recorded up to its version."""
        last: dict[str, int] = defaultdict(int)
        for entry in await self.entries():
            last[entry["teamId"]] = max(last[entry["teamId"]], entry["version"])
        teams = await self._database["teams"].find({}, {"version": 1}).to_list(None)
        return all(last[str(team["_id"])] >= team["version"] for team in teams)

    async def wait_until_complete(self) -> None:
        """Returns once everything that has happened so far is recorded."""
        await eventually(self.is_complete)

    async def lease(self) -> Entry:
        """The recorder's document; empty when there is none."""
        return await self._database["recorder"].find_one({}) or {}

    async def forget_recorder(self) -> None:
        """Removes the lease and the position, as if the teams were older than the recorder."""
        await self._database["recorder"].delete_many({})

    async def is_held(self) -> bool:
        """True if any server holds the lease now."""
        now = {"$expr": {"$gt": ["$expiresAt", "$$NOW"]}}
        return await self._database["recorder"].find_one(now) is not None

    async def faults(self) -> list[str]:
        """The faults of the log: gaps and duplicates among positions and versions."""
        entries = await self.entries()
        faults = []
        positions = [entry["position"] for entry in entries]
        if positions != list(range(1, len(positions) + 1)):
            faults.append(f"the positions are {positions}")
        versions: dict[str, list[int]] = defaultdict(list)
        for entry in entries:
            first: int = entry.get("fromVersion") or entry["version"]
            versions[entry["teamId"]] += range(first, entry["version"] + 1)
        faults += [
            f"team {team_id} has the versions {found}"
            for team_id, found in versions.items()
            if found != list(range(1, len(found) + 1))
        ]
        return faults
