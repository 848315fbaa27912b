"""G3: a change that names `expectedVersion` is applied to exactly that version or not at all."""

import asyncio

from app.domain.outcomes import Accepted
from app.domain.problems import VersionConflict
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, move, new_team, remove, rename

RIVALS = 10
ROUNDS = 20


async def test_of_rivals_at_one_version_one_is_accepted_and_the_others_conflict(
    store: MongoTeamStore,
) -> None:
    team = await new_team(store)

    for version in range(1, ROUNDS + 1):
        outcomes = await asyncio.gather(
            *(
                rename(store, team.id, f"Name {version}.{rival}", expected_version=version)
                for rival in range(RIVALS)
            )
        )

        (accepted,) = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
        conflicts = [outcome for outcome in outcomes if isinstance(outcome, VersionConflict)]
        assert accepted.team.version == version + 1
        assert len(conflicts) == RIVALS - 1
        assert {conflict.team for conflict in conflicts} == {accepted.team}


async def test_membership_changes_of_an_old_version_change_nothing(store: MongoTeamStore) -> None:
    home = await new_team(store, "Home", members=("mia",))
    team = await new_team(store, members=("sue", "joe"))

    outcomes = [
        await add(store, team.id, "zoe", expected_version=2),
        await remove(store, team.id, "sue", expected_version=2),
        await move(store, "mia", team.id, expected_to_version=2),
    ]

    for outcome in outcomes:
        assert isinstance(outcome, VersionConflict)
        assert (outcome.expected_version, outcome.actual_version) == (2, team.version)
        assert outcome.team == team
    assert isinstance(await remove(store, home.id, "mia", expected_version=2), Accepted)
