"""The recorder that ends between two steps, loses its position, or meets foreign writers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import OperationFailure

from app.storage.changes import appender as appender_module
from app.storage.changes import lease as lease_module
from app.storage.changes import recorder as recorder_module
from app.storage.changes.appender import ChangeAppender
from app.storage.changes.stream import ChangeStream
from app.storage.errors import HistoryLost, driver_faults
from tests.harness.waiting import eventually
from tests.storage.conftest import World

# When a lease ends whose holder will be killed: the next one need not wait for long.
_SOON = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": 100}}


class Killed(BaseException):
    """Stands for kill -9: nothing is cleaned up after it."""


async def _do_not_release(*_: object) -> None:
    """A killed holder's release of its lease: none."""


def _killed(*_: object) -> None:
    raise Killed


def _before(broken: pytest.MonkeyPatch, owner: type, name: str) -> None:
    async def killed(*_: object) -> None:
        raise Killed

    broken.setattr(owner, name, killed)


def _after(broken: pytest.MonkeyPatch, owner: type, name: str, *, if_any: bool = False) -> None:
    step: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def killed(*given: object) -> object:
        done = await step(*given)
        if if_any and not done[0]:
            return done
        raise Killed

    broken.setattr(owner, name, killed)


_SEAMS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "with the lease taken and the stream not opened": lambda broken: _before(
        broken, ChangeStream, "__aenter__"
    ),
    "with a batch read and nothing written": lambda broken: _after(
        broken, ChangeStream, "next_batch", if_any=True
    ),
    "with the changes inserted and not committed": lambda broken: broken.setattr(
        appender_module, "record_request", _killed
    ),
    "with the batch committed and the next not read": lambda broken: _after(
        broken, ChangeAppender, "append"
    ),
    "with the position saved and the lease not kept": lambda broken: broken.setattr(
        recorder_module, "keep_lease", _killed
    ),
}


@pytest.mark.parametrize("seam", _SEAMS)
async def test_a_recorder_killed_between_two_steps_leaves_no_gap_and_no_repeat(
    seam: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.recording():
        team = await world.new_team("sue")
        await world.log.wait_until_complete()
    with monkeypatch.context() as broken:
        broken.setattr(recorder_module, "release_lease", _do_not_release)
        broken.setattr(recorder_module, "RENEW_SECONDS", 0)
        broken.setattr(lease_module, "_UNTIL", _SOON)
        _SEAMS[seam](broken)
        async with world.recording() as killed:
            await asyncio.gather(*(world.add(team, f"user-{i}") for i in range(20)))
            with pytest.raises(Killed):
                await asyncio.wait_for(asyncio.shield(killed), 10)
    await world.add(team, "joe")

    async with world.recording():
        await world.log.wait_until_complete()

    assert [version for version, _ in await world.log.told(team.id)] == list(range(1, 24))
    assert {kind for _, kind in await world.log.told(team.id)} == {"TeamCreated", "UserJoinedTeam"}
    assert await world.log.faults() == []


def _forget_position(broken: pytest.MonkeyPatch) -> None:
    """Answers the resuming of a stream as a server does whose oplog begins after its position."""
    enter = ChangeStream.__aenter__

    async def open_if_new(self: ChangeStream) -> ChangeStream:
        if self._pipeline[0]["$changeStream"]:
            with driver_faults():
                raise OperationFailure("The resume point may no longer be in the oplog.", 286)
        return await enter(self)

    broken.setattr(ChangeStream, "__aenter__", open_if_new)


async def test_a_position_beyond_the_oplog_leaves_a_gap_with_its_versions(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.recording():
        behind, level = await world.new_team("sue"), await world.new_team()
        await world.log.wait_until_complete()
    for user in ("joe", "mia", "zoe"):
        await world.add(behind, user)
    created_meanwhile = await world.new_team("tim")
    _forget_position(monkeypatch)

    async with world.recording():
        await world.log.wait_until_complete()
        await world.add(behind, "kim")
        await world.log.wait_until_complete()

    assert await world.log.told(behind.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (4, "HistoryGap"),
        (5, "UserJoinedTeam"),
        (6, "UserJoinedTeam"),
    ]
    gap, last = (await world.log.entries(behind.id))[2:4]
    assert (gap["fromVersion"], gap["version"]) == (3, 4)
    assert last["userId"] == "zoe"
    assert await world.log.told(level.id) == [(1, "TeamCreated")]
    assert await world.log.told(created_meanwhile.id) == [(1, "HistoryGap"), (2, "UserJoinedTeam")]
    assert any(r.levelname == "ERROR" and "fallen off" in r.message for r in caplog.records)
    assert await world.log.faults() == []


async def test_a_recorder_killed_before_it_follows_the_stream_loses_no_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.log.forget_recorder()
    with monkeypatch.context() as broken:
        broken.setattr(recorder_module, "release_lease", _do_not_release)
        broken.setattr(lease_module, "_UNTIL", _SOON)
        _after(broken, ChangeAppender, "append_lost_history")
        async with world.recording() as killed:
            with pytest.raises(Killed):
                await asyncio.wait_for(asyncio.shield(killed), 10)
    team = await world.new_team("sue", "joe")

    async with world.recording():
        await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "UserJoinedTeam"),
    ]


async def test_a_position_lost_while_following_leaves_no_gap(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = asyncio.Event()
    next_batch = ChangeStream.next_batch

    async def lose_once(self: ChangeStream) -> object:
        answer = await next_batch(self)
        if answer[0] and not lost.is_set():
            lost.set()
            raise HistoryLost
        return answer

    monkeypatch.setattr(ChangeStream, "next_batch", lose_once)
    async with world.recording():
        await eventually(world.log.is_held)
        team = await world.new_team("sue", "joe")
        await world.log.wait_until_complete()
        await world.add(team, "mia")
        await world.log.wait_until_complete()

    assert lost.is_set()
    assert (await world.log.told(team.id))[-1] == (4, "UserJoinedTeam")
    assert await world.log.faults() == []


async def test_teams_with_lost_history_get_a_gap_and_their_last_change(world: World) -> None:
    team = await world.new_team("sue", "joe")
    stranger = {"_id": ObjectId(), "name": "Old", "userIds": ["mia"], "version": 7}
    await world.teams.insert_one(stranger)
    await world.log.forget_recorder()

    async with world.recording():
        await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [(2, "HistoryGap"), (3, "UserJoinedTeam")]
    assert await world.log.told(stranger["_id"]) == [(6, "HistoryGap"), (7, "ForeignChange")]
    assert [entry["at"] for entry in await world.log.entries() if entry["at"] is None] == []
    assert await world.log.faults() == []


async def test_teams_older_than_any_recorder_are_recorded_from_version_1(world: World) -> None:
    team = await world.new_team("sue")

    async with world.recording():
        await world.log.wait_until_complete()

    assert await world.log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
