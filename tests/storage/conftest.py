"""The storage package on a database of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from bson import ObjectId

from app.domain.teams import Team
from app.monitoring.database_metrics import StorageMetrics
from app.service.add_user_to_team import AddUserToTeamOutcome
from app.storage.changes import recorder as recorder_module
from app.storage.client import Client, close
from app.storage.teams.store import MongoTeamStore
from tests.harness import recording, service
from tests.harness.driver import connect_for_streams
from tests.harness.recording import ChangeLogReader
from tests.harness.waiting import eventually


class World:
    """A database with a team store, a change log, and recorders when the test starts them."""

    def __init__(self, client: Client, streams: Client, name: str) -> None:
        self.client = client
        self.streams = streams
        self.name = name
        self.database = client[name]
        self.teams = client[name]["teams"]
        self.store = MongoTeamStore(client, name, default_capacity=1_000)
        self.log = ChangeLogReader(client, name)

    def recording(
        self, metrics: StorageMetrics | None = None
    ) -> AbstractAsyncContextManager[asyncio.Task[None]]:
        """A recorder that runs as long as the context."""
        return recording.recording(self.streams, self.name, metrics)

    async def new_team(self, *members: str) -> Team:
        return await service.new_team(self.store, members=members)

    async def add(self, team: Team, user_id: str, **given: Any) -> AddUserToTeamOutcome:
        return await service.add(self.store, team.id, user_id, **given)

    async def set(self, team: Team, update: Mapping[str, Any], **given: Any) -> None:
        """Writes to the team's document as another program does."""
        await self.teams.update_one({"_id": ObjectId(team.id)}, update, **given)

    async def until_recorded(self, team: Team, version: int) -> None:
        async def is_recorded() -> bool:
            return version in [told for told, _ in await self.log.told(team.id)]

        await eventually(is_recorded)


@pytest.fixture
async def streams(mongodb_uri: str) -> AsyncIterator[Client]:
    streams = connect_for_streams(mongodb_uri)
    yield streams
    await close(streams)


@pytest.fixture
def world(client: Client, streams: Client, database: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)
    return World(client, streams, database)


def document(*user_ids: str, **given: Any) -> dict[str, Any]:
    return {"_id": ObjectId(), "name": "Red", "userIds": list(user_ids), "version": 1, **given}
