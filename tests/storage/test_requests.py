"""The seams between what a team remembers of requests and what is recorded of them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.outcomes import Accepted
from app.storage import requests
from app.storage.changes import recorder as recorder_module
from app.storage.client import Client, connect_for_streams
from app.storage.requests import RecordedRequests
from app.storage.teams.store import MongoTeamStore
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.service import add, new_team, remove

REMEMBERED = 3


@pytest.fixture
async def streams(mongodb_uri: str) -> AsyncIterator[Client]:
    streams = connect_for_streams(mongodb_uri)
    yield streams
    streams.close()


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(requests, "REMEMBERED_REQUESTS", REMEMBERED)


class Interrupted(RecordedRequests):
    """Lets others act after the first of the reads that a write is preceded by."""

    def __init__(self, *given: Any, rivals: Any) -> None:
        super().__init__(*given)
        self._rivals = rivals

    async def find(self, *given: Any) -> Any:
        found = await super().find(*given)
        await self._act()
        return found

    async def bound(self, *given: Any) -> Any:
        bound = await super().bound(*given)
        await self._act()
        return bound

    async def _act(self) -> None:
        rivals, self._rivals = self._rivals, None
        if rivals is not None:
            await rivals()


async def test_a_request_that_is_recorded_and_forgotten_between_two_reads_is_still_made_once(
    streams: Client, client: Client, database: str
) -> None:
    """Sue's request comes twice; while the second looks, the first is recorded and pushed out."""
    log = ChangeLogReader(client, database)
    store = MongoTeamStore(client, database, default_capacity=1_000)
    repeated = MongoTeamStore(client, database, default_capacity=1_000)
    async with recording(streams, database):
        team = await new_team(store)
        await log.wait_until_complete()
    await add(store, team.id, "sue", request_id="once")

    async def record_and_push_out() -> None:
        async with recording(streams, database):
            await remove(store, team.id, "sue")
            for number in range(REMEMBERED + 1):
                await log.wait_until_complete()
                outcome = await add(store, team.id, f"user-{number}", request_id=f"other-{number}")
                assert isinstance(outcome, Accepted)
            await log.wait_until_complete()

    repeated._requests = Interrupted(client, database, rivals=record_and_push_out)
    outcome = await add(repeated, team.id, "sue", request_id="once")

    assert isinstance(outcome, Accepted)
    assert outcome.replayed
    document = await client[database]["teams"].find_one({}, {"userIds": 1})
    assert document is not None
    assert "sue" not in document["userIds"]
