"""The recorder and its lease on a real change stream, in the ordinary run of things."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from app.monitoring.database_metrics import StorageMetrics
from app.storage.changes import lease as lease_module
from app.storage.changes import recorder as recorder_module
from app.storage.changes.appender import ChangeAppender, LeaseLost
from app.storage.changes.lease import keep_lease, take_lease
from app.storage.client import recorder_of
from tests.harness.recording import Entry
from tests.harness.service import move, new_team, remove, rename
from tests.harness.waiting import eventually
from tests.storage.conftest import World


async def _lapse(world: World) -> None:
    """Expires the lease, as a long pause of its holder does."""
    now = [{"$set": {"expiresAt": {"$subtract": ["$$NOW", 1]}}}]
    await world.database["recorder"].update_one({}, now)


def _change(version: int) -> Entry:
    return {"teamId": "red", "version": version, "kind": "ForeignChange"}


async def test_everything_is_recorded_once_and_in_order(world: World) -> None:
    async with world.recording():
        red = await new_team(world.store, "Red", members=("sue", "joe"))
        blue = await new_team(world.store, "Blue", capacity=5)
        await remove(world.store, red.id, "joe")
        await move(world.store, "sue", blue.id)
        await rename(world.store, blue.id, "Navy", expected_version=2)
        await world.log.wait_until_complete()

    assert await world.log.told(red.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "UserJoinedTeam"),
        (4, "UserLeftTeam"),
        (5, "UserLeftTeam"),
    ]
    assert await world.log.told(blue.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "TeamRenamed"),
    ]
    left, joined = (await world.log.entries(red.id))[-1], (await world.log.entries(blue.id))[1]
    assert (left["userId"], left["otherTeamId"]) == ("sue", blue.id)
    assert (joined["userId"], joined["otherTeamId"]) == ("sue", red.id)
    assert joined["commitTime"] == left["commitTime"]
    assert await world.log.faults() == []


async def test_of_two_recorders_one_records(world: World) -> None:
    async with world.recording(), world.recording():
        team = await world.new_team("sue", "joe", "mia")
        await world.log.wait_until_complete()
        lease = await world.log.lease()

    assert [version for version, _ in await world.log.told(team.id)] == [1, 2, 3, 4]
    assert lease["term"] == 1
    assert await world.log.faults() == []


async def test_a_cancelled_holder_releases_its_lease_to_the_next(world: World) -> None:
    async with world.recording():
        team = await world.new_team("sue")
        await world.log.wait_until_complete()
    await world.add(team, "joe")

    async with world.recording():
        # Sooner than the lease would have run out by itself.
        await eventually(world.log.is_complete, timeout_seconds=lease_module.LEASE_SECONDS / 2)

    assert [kind for _, kind in await world.log.told(team.id)] == [
        "TeamCreated",
        *["UserJoinedTeam"] * 2,
    ]
    assert (await world.log.lease())["term"] == 2
    assert await world.log.faults() == []


async def test_a_lease_is_taken_by_one_of_many_who_want_it_at_once(world: World) -> None:
    recorder = recorder_of(world.client, world.name)

    taken = await asyncio.gather(*(take_lease(recorder, f"server-{i}") for i in range(20)))

    winners = [lease for lease in taken if lease is not None]
    assert [lease.term for lease in winners] == [1]


async def test_a_holder_frozen_past_its_lease_can_neither_append_nor_renew(world: World) -> None:
    recorder = recorder_of(world.client, world.name)
    frozen = await take_lease(recorder, "frozen")
    await _lapse(world)
    successor = await take_lease(recorder, "successor")
    assert frozen is not None
    assert successor is not None
    await ChangeAppender(world.client, world.name, successor).append([_change(1)], None)

    with pytest.raises(LeaseLost):
        await ChangeAppender(world.client, world.name, frozen).append(
            [_change(1), _change(2)], None
        )

    assert await keep_lease(recorder, frozen, None) is False
    assert await world.log.told("red") == [(1, "ForeignChange")]
    assert (await world.log.lease())["position"] == 1


async def test_a_recorder_that_loses_its_lease_while_appending_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, thawed = asyncio.Event(), asyncio.Event()
    refused = asyncio.Event()
    append = ChangeAppender.append

    async def freeze_first(self: ChangeAppender, *given: object) -> None:
        if not frozen.is_set():
            frozen.set()
            await thawed.wait()
            try:
                await append(self, *given)  # type: ignore[arg-type]  # passed on as it came
            except LeaseLost:
                refused.set()
                raise
        await append(self, *given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(ChangeAppender, "append", freeze_first)
    async with world.recording():
        team = await world.new_team("sue")
        await asyncio.wait_for(frozen.wait(), 10)
        await _lapse(world)

        async with world.recording():
            await world.log.wait_until_complete()
            thawed.set()
            await asyncio.wait_for(refused.wait(), 10)
            await world.add(team, "joe")
            await world.log.wait_until_complete()

    assert [version for version, _ in await world.log.told(team.id)] == [1, 2, 3]
    assert await world.log.faults() == []


async def test_an_idle_recorder_keeps_its_lease_and_moves_its_position_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "RENEW_SECONDS", 0.1)
    async with world.recording():
        await eventually(world.log.is_held)
        before = await world.log.lease()

        async def is_renewed_again() -> bool:
            now = await world.log.lease()
            return bool(
                now["expiresAt"] > before["expiresAt"]
                and now["resumeToken"] != before.get("resumeToken")
            )

        await eventually(is_renewed_again)

    assert (await world.log.lease())["term"] == 1


async def test_appending_keeps_the_lease_however_long_it_takes(world: World) -> None:
    lease = await take_lease(recorder_of(world.client, world.name), "holder")
    assert lease is not None
    await _lapse(world)

    await ChangeAppender(world.client, world.name, lease).append([_change(1)], None)

    assert await world.log.is_held()


async def test_a_recorder_is_reported_active_except_while_it_fails(world: World) -> None:
    registry, seen = CollectorRegistry(), list[float]()

    def value(name: str) -> float:
        return registry.get_sample_value(f"team_joiner_recorder_{name}") or 0.0

    async def is_active() -> bool:
        return value("active") == 1

    async def has_failed_often() -> bool:
        if value("failures_total") > 0:
            seen.append(value("active"))
        return value("failures_total") >= 5

    async def refuse(changes: Entry) -> None:
        await world.database.command("collMod", "team_changes", validator=changes)

    async with world.recording(StorageMetrics(registry)):
        await eventually(is_active)
        await refuse({"$nor": [{}]})
        await world.new_team()
        await eventually(has_failed_often)
        await refuse({})
        await world.log.wait_until_complete()
        await eventually(is_active)
    ended = value("active")

    assert set(seen) == {0}
    assert ended == 0
