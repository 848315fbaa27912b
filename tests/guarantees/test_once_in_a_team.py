"""G2: a user is at most once in one team's `userIds`."""

import asyncio

import pytest
from pymongo.errors import WriteError

from app.domain.outcomes import Accepted
from app.domain.problems import AlreadyOnTeam
from app.storage.client import Client
from app.storage.documents import stored_team_id
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, new_team

DOCUMENT_VALIDATION_FAILURE = 121


async def test_a_user_who_joins_the_same_team_many_times_at_once_is_on_it_once(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    team = await new_team(store)

    outcomes = await asyncio.gather(*(add(store, team.id, "sue") for _ in range(20)))

    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, AlreadyOnTeam)]
    assert len(refused) == 19
    assert {outcome.current_team.id for outcome in refused} == {team.id}
    stored = await client[database]["teams"].find_one({"_id": stored_team_id(team.id)})
    assert stored is not None
    assert (stored["userIds"], stored["version"]) == (["sue"], 2)


async def test_the_database_refuses_another_program_that_adds_a_member_twice(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    team = await new_team(store, members=("sue",))

    with pytest.raises(WriteError) as refused:
        await client[database]["teams"].update_one(
            {"_id": stored_team_id(team.id)}, {"$push": {"userIds": "sue"}}
        )

    assert refused.value.code == DOCUMENT_VALIDATION_FAILURE
