"""Many users added by one write: what is recorded, remembered, and left out in a race."""

from collections.abc import Collection

import pytest
from bson import ObjectId, encode

from app.domain.changes import Attribution
from app.domain.diagnosis import TeamState
from app.domain.faults import TeamDamaged
from app.domain.ids import MAX_ID_LENGTH, TeamId, UserId
from app.domain.outcomes import AcceptedUsers
from app.domain.problems import TeamFull
from app.domain.teams import MAX_USERS_ADDED
from app.storage.changes.events import MAX_LAST_CHANGE_BYTES
from app.storage.requests import REMEMBERED_REQUESTS
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, add_many, remove
from tests.storage.conftest import World


def longest_ids(number: int) -> list[str]:
    return [f"{index}-{'x' * MAX_ID_LENGTH}"[:MAX_ID_LENGTH] for index in range(number)]


async def test_the_most_users_with_the_longest_ids_are_recorded_one_by_one(world: World) -> None:
    team, users = await world.new_team(), longest_ids(MAX_USERS_ADDED)
    actor, request_id = "a" * MAX_ID_LENGTH, "r" * MAX_ID_LENGTH

    async with world.recording():
        outcome = await add_many(world.store, team.id, *users, actor=actor, request_id=request_id)
        await world.log.wait_until_complete()

    assert isinstance(outcome, AcceptedUsers)
    entries = (await world.log.entries(team.id))[1:]
    assert [(each["version"], each["userId"]) for each in entries] == [
        (each.version, each.user_id) for each in outcome.users
    ]
    assert {(each["actorId"], each["requestId"]) for each in entries} == {(actor, request_id)}
    assert await world.log.faults() == []
    assert await world.database["requests"].count_documents({"id": request_id}) == 1
    stored = await world.teams.find_one({})
    assert stored is not None
    assert len(encode(stored["lastChange"])) < MAX_LAST_CHANGE_BYTES


async def test_a_replay_shows_who_was_added_before_and_after_the_recording(world: World) -> None:
    team = await world.new_team()
    await world.new_team("ann")
    first = await add_many(world.store, team.id, "sue", "ann", "joe", request_id="once")
    remembered = await add_many(world.store, team.id, "sue", "ann", "joe", request_id="once")

    async with world.recording():
        await world.log.wait_until_complete()
    await world.set(team, {"$unset": {"requests": ""}})
    recorded = await add_many(world.store, team.id, "sue", "ann", "joe", request_id="once")

    for outcome, replayed in ((first, False), (remembered, True), (recorded, True)):
        assert isinstance(outcome, AcceptedUsers)
        assert outcome.replayed is replayed
        assert [each.added for each in outcome.users] == [True, False, True]


async def test_requests_are_accepted_far_ahead_of_the_log(world: World) -> None:
    """One write is further ahead of an idle recorder than a team remembers requests."""
    team = await world.new_team()

    outcomes = [
        await add_many(
            world.store,
            team.id,
            *(f"user-{number}-{index}" for index in range(REMEMBERED_REQUESTS + 10)),
            request_id=f"request-{number}",
        )
        for number in range(3)
    ]

    assert all(isinstance(outcome, AcceptedUsers) for outcome in outcomes)


class RivalAfterRead(MongoTeamStore):
    """A store where a rival acts once, between the first read of the state and the next write."""

    leaver: str | None = None
    looks = 0

    async def read_state(
        self, *, team_ids: Collection[TeamId], user_ids: Collection[UserId], by: Attribution
    ) -> TeamState:
        state = await super().read_state(team_ids=team_ids, user_ids=user_ids, by=by)
        self.looks += 1
        if self.looks == 1 and self.leaver:
            await remove(self, next(iter(team_ids)), self.leaver)
        return state


async def test_a_place_that_gets_free_before_the_write_is_used(world: World) -> None:
    team = await world.new_team("joe")
    await world.set(team, {"$set": {"capacity": 3}})
    store = RivalAfterRead(world.client, world.name, default_capacity=1_000)
    store.leaver = "joe"

    outcome = await add_many(store, team.id, "sue", "ann", "john", "max")

    assert isinstance(outcome, AcceptedUsers)
    assert [each.added for each in outcome.users] == [True, True, True, False]
    assert outcome.users[3].problem == TeamFull(3)
    assert outcome.team.member_count == 3
    assert store.looks == 2


async def test_a_user_on_a_damaged_team_is_a_fault_and_nothing_changes(world: World) -> None:
    damaged, team = await world.new_team("ann"), await world.new_team()
    await world.set(damaged, {"$set": {"version": "7"}}, bypass_document_validation=True)

    with pytest.raises(TeamDamaged):
        await add_many(world.store, team.id, "sue", "ann")

    stored = await world.teams.find_one({"_id": ObjectId(team.id)})
    assert stored is not None
    assert (stored["version"], stored["userIds"]) == (1, [])


async def test_a_shared_write_and_one_of_many_users_add_up(world: World) -> None:
    team = await world.new_team()
    await add(world.store, team.id, "sue")

    outcome = await add_many(world.store, team.id, "ann", "sue", "joe")

    assert isinstance(outcome, AcceptedUsers)
    assert [each.version for each in outcome.users] == [3, None, 4]
