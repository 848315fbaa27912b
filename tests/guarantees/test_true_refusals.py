"""G8: the answer to a refused mutation names a reason that held while it was under way."""

from collections.abc import Awaitable, Callable, Collection

import pytest

from app.domain.changes import Attribution
from app.domain.diagnosis import TeamState
from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId, UserId
from app.domain.outcomes import Accepted
from app.domain.problems import AlreadyOnTeam, TeamFull
from app.service import attempts
from app.storage.client import Client
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, new_team, remove

Rival = Callable[[], Awaitable[object]]


class StoreWithRival(MongoTeamStore):
    """A store where a rival acts between a refused write and the read of the state."""

    def __init__(self, client: Client, database: str, rival: Rival) -> None:
        super().__init__(client, database, default_capacity=1_000)
        self._rival = rival
        self.looks = 0

    async def read_state(
        self, *, team_ids: Collection[TeamId], user_ids: Collection[UserId], by: Attribution
    ) -> TeamState:
        self.looks += 1
        await self._rival()
        return await super().read_state(team_ids=team_ids, user_ids=user_ids, by=by)


async def test_a_write_whose_reason_for_refusal_is_gone_gets_another_attempt(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    team = await new_team(store, capacity=1, members=("joe",))
    contended = StoreWithRival(client, database, lambda: remove(store, team.id, "joe"))

    outcome = await add(contended, team.id, "sue")

    assert isinstance(outcome, Accepted)
    assert contended.looks == 1


async def test_a_refusal_tells_the_reason_that_holds_when_it_is_looked_into(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    full = await new_team(store, "Full", capacity=1, members=("joe",))
    other = await new_team(store, "Other")
    contended = StoreWithRival(client, database, lambda: add(store, other.id, "sue"))

    outcome = await add(contended, full.id, "sue")

    assert isinstance(outcome, AlreadyOnTeam)
    assert outcome.current_team.id == other.id


async def test_a_reason_that_never_stays_ends_in_a_contention_error(
    client: Client, store: MongoTeamStore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = await new_team(store, capacity=1, members=("joe",))

    class Flickering(StoreWithRival):
        """Full for every write, and with room for every look."""

        async def read_state(
            self, *, team_ids: Collection[TeamId], user_ids: Collection[UserId], by: Attribution
        ) -> TeamState:
            state = await super().read_state(team_ids=team_ids, user_ids=user_ids, by=by)
            await add(store, team.id, "joe")
            return state

    monkeypatch.setattr(attempts, "MAX_BACKOFF_SECONDS", 0)
    contended = Flickering(client, database, lambda: remove(store, team.id, "joe"))

    with pytest.raises(TooMuchContention):
        await add(contended, team.id, "sue")

    assert contended.looks == attempts.MAX_ATTEMPTS


async def test_a_lasting_reason_is_reported_at_the_first_read(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    team = await new_team(store, capacity=1, members=("joe",))

    async def nothing() -> None:
        """No rival."""

    calm = StoreWithRival(client, database, nothing)

    assert await add(calm, team.id, "sue") == TeamFull(1)
    assert calm.looks == 1
