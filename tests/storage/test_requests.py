"""Request marks on a team and their records: a repetition is found in one of them."""

from typing import Any

import pytest

from app.domain.outcomes import Accepted
from app.storage import requests
from app.storage.requests import RecordedRequests
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, remove
from tests.storage.conftest import World

REMEMBERED = 3


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


async def test_a_request_recorded_and_forgotten_between_two_reads_is_made_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sue's request comes twice; while the second looks, the first is recorded and pushed out."""
    monkeypatch.setattr(requests, "REMEMBERED_REQUESTS", REMEMBERED)
    repeated = MongoTeamStore(world.client, world.name, default_capacity=1_000)
    async with world.recording():
        team = await world.new_team()
        await world.log.wait_until_complete()
    await world.add(team, "sue", request_id="once")

    async def record_and_push_out() -> None:
        async with world.recording():
            await remove(world.store, team.id, "sue")
            for number in range(REMEMBERED + 1):
                await world.log.wait_until_complete()
                outcome = await world.add(team, f"user-{number}", request_id=f"other-{number}")
                assert isinstance(outcome, Accepted)
            await world.log.wait_until_complete()

    repeated._requests = Interrupted(world.client, world.name, rivals=record_and_push_out)
    outcome = await add(repeated, team.id, "sue", request_id="once")

    assert isinstance(outcome, Accepted)
    assert outcome.replayed
    document = await world.teams.find_one({}, {"userIds": 1})
    assert document is not None
    assert "sue" not in document["userIds"]
