"""Joins and leaves of one team that share a write: each has its own answer, version and entry."""

import asyncio
from typing import Any

import pytest

from app.domain.changes import ChangeKind
from app.domain.outcomes import Accepted
from app.domain.problems import AlreadyOnTeam
from app.storage.teams import shared_writes
from tests.harness.service import remove
from tests.storage.conftest import World


async def rush(world: World, team: Any, *users: str) -> list[Any]:
    return await asyncio.gather(*(world.add(team, user, actor=f"by-{user}") for user in users))


async def test_each_join_of_a_rush_gets_its_own_version_and_entry(world: World) -> None:
    team = await world.new_team()
    users = [f"user-{number}" for number in range(120)]

    async with world.recording():
        outcomes = await rush(world, team, *users)
        await world.log.wait_until_complete()

    assert [type(outcome) for outcome in outcomes] == [Accepted] * len(users)
    versions = {outcome.team.version: user for outcome, user in zip(outcomes, users, strict=True)}
    assert sorted(versions) == list(range(2, len(users) + 2))
    assert {outcome.team.version - outcome.team.member_count for outcome in outcomes} == {1}
    entries = (await world.log.entries(team.id))[1:]
    assert [(e["version"], e["userId"]) for e in entries] == sorted(versions.items())
    assert all(entry["actorId"] == f"by-{entry['userId']}" for entry in entries)
    assert await world.log.faults() == []
    stored = await world.teams.find_one({"name": team.name})
    assert stored is not None
    assert stored["userIds"] == [versions[version] for version in sorted(versions)]


async def test_a_rush_takes_few_writes(world: World) -> None:
    team = await world.new_team()
    before = await world.client.admin.command("serverStatus")

    await rush(world, team, *(f"user-{number}" for number in range(100)))

    after = await world.client.admin.command("serverStatus")
    writes = [each["metrics"]["commands"]["findAndModify"]["total"] for each in (before, after)]
    assert writes[1] - writes[0] <= 10


async def test_a_refused_member_of_a_shared_write_refuses_no_other(world: World) -> None:
    red, blue = await world.new_team("sue"), await world.new_team()

    outcomes = await rush(world, blue, "first", "ann", "sue", "bob", "ann")

    first, ann, sue, bob, ann_again = [type(outcome) for outcome in outcomes]
    assert (first, sue, bob) == (Accepted, AlreadyOnTeam, Accepted)
    assert {ann, ann_again} == {Accepted, AlreadyOnTeam}  # tried alone, in any order
    assert outcomes[2].current_team.id == red.id


async def test_leaves_share_a_write_too(world: World) -> None:
    users = [f"user-{number}" for number in range(20)]
    team = await world.new_team(*users)

    async with world.recording():
        outcomes = await asyncio.gather(*(remove(world.store, team.id, user) for user in users))
        await world.log.wait_until_complete()

    counts = {outcome.team.member_count for outcome in outcomes if isinstance(outcome, Accepted)}
    assert counts == set(range(20))
    assert (await world.log.told(team.id))[-1] == (41, ChangeKind.USER_LEFT_TEAM)
    assert await world.log.faults() == []


async def test_shared_changes_are_recorded_after_the_stream_is_lost(world: World) -> None:
    team = await world.new_team()
    await rush(world, team, *(f"user-{number}" for number in range(10)))
    await world.database["recorder"].update_one({}, {"$unset": {"resumeToken": 1}})

    async with world.recording():  # the log is filled from the teams alone
        await world.log.wait_until_complete()

    told = await world.log.told(team.id)
    assert told[0] == (2, ChangeKind.HISTORY_GAP)
    assert told[1:] == [(version, ChangeKind.USER_JOINED_TEAM) for version in range(3, 12)]


@pytest.mark.parametrize(
    "earlier", [5, [5], [{"kind": "x"}], [{"kind": "UserJoinedTeam"}] * 100, {"a": 1}]
)
async def test_an_odd_description_of_earlier_changes_stops_nothing(
    world: World, earlier: object
) -> None:
    team, other = await world.new_team(), await world.new_team()

    async with world.recording():
        await world.log.wait_until_complete()
        odd = {"kind": "UserJoinedTeam", "userId": "sue", "at": team.created_at, "earlier": earlier}
        await world.set(team, {"$set": {"lastChange": odd}, "$inc": {"version": 2}})
        await world.add(other, "ann")
        await world.until_recorded(other, 2)
        await world.until_recorded(team, 3)


async def test_a_cancelled_join_that_still_waits_is_not_made(world: World) -> None:
    team = await world.new_team()
    first = asyncio.create_task(world.add(team, "first"))
    await asyncio.sleep(0)  # the first write is under way
    waiting = asyncio.create_task(world.add(team, "waiting"))
    await asyncio.sleep(0)

    waiting.cancel()
    await first

    assert isinstance(await world.add(team, "last"), Accepted)
    stored = await world.teams.find_one({"name": team.name})
    assert stored is not None
    assert stored["userIds"] == ["first", "last"]


async def test_beyond_its_bound_a_line_grows_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_writes, "MAX_WAITING", 3)
    team = await world.new_team()

    outcomes = await rush(world, team, *(f"user-{number}" for number in range(10)))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_a_line_whose_last_change_is_cancelled_takes_new_ones(world: World) -> None:
    team = await world.new_team()
    write = world.store._shared._write_together
    waiting: asyncio.Task[Any] | None = None

    async def write_and_cancel(changes: Any) -> Any:
        nonlocal waiting
        written = await write(changes)
        if waiting is not None:
            waiting.cancel()  # it leaves the line after the next write is scheduled
            waiting = None
        return written

    world.store._shared._write_together = write_and_cancel
    first = asyncio.create_task(world.add(team, "first"))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(world.add(team, "waiting"))
    await first

    async with asyncio.timeout(10):
        assert isinstance(await world.add(team, "last"), Accepted)
