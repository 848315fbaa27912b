"""The recorder that ends between two steps, loses its position, or meets foreign writers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import OperationFailure

from app.storage.changes import appender as appender_module
from app.storage.changes import lease as lease_module
from app.storage.changes import recorder as recorder_module
from app.storage.changes.appender import ChangeAppender
from app.storage.changes.stream import ChangeStream
from app.storage.client import Client, connect_for_streams
from app.storage.errors import HistoryLost, driver_faults
from app.storage.teams.store import MongoTeamStore
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.service import add, new_team
from tests.harness.waiting import eventually

# When a lease ends whose holder will be killed: the next one need not wait for long.
_SOON = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": 100}}


class Killed(BaseException):
    """Stands for kill -9: nothing is cleaned up after it."""


@pytest.fixture
async def streams(mongodb_uri: str) -> AsyncIterator[Client]:
    streams = connect_for_streams(mongodb_uri)
    yield streams
    streams.close()


@pytest.fixture
def log(client: Client, database: str) -> ChangeLogReader:
    return ChangeLogReader(client, database)


@pytest.fixture
def store(client: Client, database: str) -> MongoTeamStore:
    return MongoTeamStore(client, database, default_capacity=1_000)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)


async def _do_not_release(*_: object) -> None:
    """What a killed holder does about its lease."""


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
    seam: str,
    streams: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with recording(streams, database):
        team = await new_team(store, members=("sue",))
        await log.wait_until_complete()
    with monkeypatch.context() as broken:
        broken.setattr(recorder_module, "release_lease", _do_not_release)
        broken.setattr(recorder_module, "RENEW_SECONDS", 0)
        broken.setattr(lease_module, "_UNTIL", _SOON)
        _SEAMS[seam](broken)
        async with recording(streams, database) as killed:
            await asyncio.gather(*(add(store, team.id, f"user-{i}") for i in range(20)))
            with pytest.raises(Killed):
                await asyncio.wait_for(asyncio.shield(killed), 10)
    await add(store, team.id, "joe")

    async with recording(streams, database):
        await log.wait_until_complete()

    assert [version for version, _ in await log.told(team.id)] == list(range(1, 24))
    assert {kind for _, kind in await log.told(team.id)} == {"TeamCreated", "UserJoinedTeam"}
    assert await log.faults() == []


def _forget_position(broken: pytest.MonkeyPatch) -> None:
    """Answers the resuming of a stream as a server does whose oplog begins after its position."""
    enter = ChangeStream.__aenter__

    async def open_if_new(self: ChangeStream) -> ChangeStream:
        if self._pipeline[0]["$changeStream"]:
            with driver_faults():
                raise OperationFailure("The resume point may no longer be in the oplog.", 286)
        return await enter(self)

    broken.setattr(ChangeStream, "__aenter__", open_if_new)


async def test_a_position_that_has_fallen_off_the_oplog_leaves_a_gap_that_says_from_and_to(
    streams: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with recording(streams, database):
        behind, level = await new_team(store, members=("sue",)), await new_team(store)
        await log.wait_until_complete()
    for user in ("joe", "mia", "zoe"):
        await add(store, behind.id, user)
    created_meanwhile = await new_team(store, members=("tim",))
    _forget_position(monkeypatch)

    async with recording(streams, database):
        await log.wait_until_complete()
        await add(store, behind.id, "kim")
        await log.wait_until_complete()

    assert await log.told(behind.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (4, "HistoryGap"),
        (5, "UserJoinedTeam"),
        (6, "UserJoinedTeam"),
    ]
    gap, last = (await log.entries(behind.id))[2:4]
    assert (gap["fromVersion"], gap["version"]) == (3, 4)
    assert last["userId"] == "zoe"
    assert await log.told(level.id) == [(1, "TeamCreated")]
    assert await log.told(created_meanwhile.id) == [(1, "HistoryGap"), (2, "UserJoinedTeam")]
    assert any(r.levelname == "ERROR" and "fallen off" in r.message for r in caplog.records)
    assert await log.faults() == []


async def test_a_recorder_killed_before_it_follows_the_stream_loses_no_history_to_its_successor(
    streams: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await log.forget_recorder()
    with monkeypatch.context() as broken:
        broken.setattr(recorder_module, "release_lease", _do_not_release)
        broken.setattr(lease_module, "_UNTIL", _SOON)
        _after(broken, ChangeAppender, "append_lost_history")
        async with recording(streams, database) as killed:
            with pytest.raises(Killed):
                await asyncio.wait_for(asyncio.shield(killed), 10)
    team = await new_team(store, members=("sue", "joe"))

    async with recording(streams, database):
        await log.wait_until_complete()

    assert await log.told(team.id) == [
        (1, "TeamCreated"),
        (2, "UserJoinedTeam"),
        (3, "UserJoinedTeam"),
    ]


async def test_a_position_lost_while_following_is_survived_like_one_lost_before(
    streams: Client,
    database: str,
    store: MongoTeamStore,
    log: ChangeLogReader,
    monkeypatch: pytest.MonkeyPatch,
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
    async with recording(streams, database):
        await eventually(log.is_held)
        team = await new_team(store, members=("sue", "joe"))
        await log.wait_until_complete()
        await add(store, team.id, "mia")
        await log.wait_until_complete()

    assert lost.is_set()
    assert (await log.told(team.id))[-1] == (4, "UserJoinedTeam")
    assert await log.faults() == []


async def test_teams_older_than_the_first_recorder_get_gaps_and_their_last_change(
    streams: Client, client: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    team = await new_team(store, members=("sue", "joe"))
    stranger = {"_id": ObjectId(), "name": "Old", "userIds": ["mia"], "version": 7}
    await client[database]["teams"].insert_one(stranger)
    await log.forget_recorder()

    async with recording(streams, database):
        await log.wait_until_complete()

    assert await log.told(team.id) == [(2, "HistoryGap"), (3, "UserJoinedTeam")]
    assert await log.told(stranger["_id"]) == [(6, "HistoryGap"), (7, "ForeignChange")]
    assert [entry["at"] for entry in await log.entries() if entry["at"] is None] == []
    assert await log.faults() == []


async def test_teams_made_before_any_recorder_ran_are_recorded_from_their_first_version_on(
    streams: Client, database: str, store: MongoTeamStore, log: ChangeLogReader
) -> None:
    team = await new_team(store, members=("sue",))

    async with recording(streams, database):
        await log.wait_until_complete()

    assert await log.told(team.id) == [(1, "TeamCreated"), (2, "UserJoinedTeam")]
