"""G1: a user is on at most one team, with any number of servers and external writers."""

import asyncio

import pytest
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.domain.outcomes import Accepted
from app.domain.problems import AlreadyOnTeam
from app.storage.client import Client, close
from app.storage.documents import stored_team_id
from app.storage.teams.store import MongoTeamStore
from tests.harness.driver import connect
from tests.harness.service import add, new_team

RIVALS = 8
ROUNDS = 25


async def test_of_many_rivals_one_gets_the_user_and_the_others_see_which(
    mongodb_uri: str, store: MongoTeamStore, database: str
) -> None:
    clients = [connect(mongodb_uri, timeout_seconds=10) for _ in range(RIVALS)]
    rivals = [MongoTeamStore(own, database, default_capacity=1_000) for own in clients]
    teams = [await new_team(store, f"Team {number}") for number in range(RIVALS)]

    rounds = [
        await asyncio.gather(
            *(add(rival, team.id, user) for rival, team in zip(rivals, teams, strict=True))
        )
        for user in (f"sue-{number}" for number in range(ROUNDS))
    ]

    for outcomes in rounds:
        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, AlreadyOnTeam)]
        assert len(losers) == RIVALS - 1
        assert {loser.current_team.id for loser in losers} == {winner.team.id}
    for own in clients:
        await close(own)


async def test_the_database_refuses_an_external_write_of_a_second_team(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    await new_team(store, "Red", members=("sue",))
    blue = await new_team(store, "Blue")
    teams = client[database]["teams"]

    with pytest.raises(DuplicateKeyError):
        await teams.update_one({"_id": stored_team_id(blue.id)}, {"$push": {"userIds": "sue"}})
    with pytest.raises(DuplicateKeyError):
        await teams.insert_one({"name": "Green", "userIds": ["joe", "sue"], "version": 1})

    assert await teams.count_documents({"userIds": "sue"}) == 1


async def test_teams_without_members_do_not_stand_in_each_others_way(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    await client[database]["teams"].insert_one(
        {"_id": ObjectId(), "name": "Foreign", "userIds": [], "version": 1}
    )

    one, other = await new_team(store), await new_team(store)

    assert one.id != other.id
