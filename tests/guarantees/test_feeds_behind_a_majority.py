"""G6 where the primary has a change that no majority has yet: the moments around an election."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from pymongo import WriteConcern

from app.storage.changes import tail as tail_module
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.stream import ChangeStream
from app.storage.changes.tail import MongoChangeTail
from app.storage.client import Client, close
from app.storage.preparation import prepare_database
from tests.harness.driver import connect_for_streams
from tests.harness.fake_feeds import SOME_TIME
from tests.harness.recording import ChangeLogReader, recording
from tests.harness.replica_set import ReplicaSet

DATABASE = "team_joiner"


@pytest.fixture(scope="module")
async def replica_set(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    folder: Path = tmp_path_factory.mktemp("majority")
    async with ReplicaSet(folder) as replica_set:
        await replica_set.keep_primary()
        yield replica_set


@pytest.fixture
async def streams(replica_set: ReplicaSet) -> AsyncIterator[Client]:
    streams = connect_for_streams(replica_set.uri)
    await prepare_database(streams, DATABASE)
    yield streams
    await streams.drop_database(DATABASE)
    await close(streams)


class Log:
    """Writes entries on the primary, as a recorder would, but waits for nobody else."""

    def __init__(self, streams: Client) -> None:
        unacknowledged = WriteConcern(1)
        self._changes = streams[DATABASE].get_collection(
            "team_changes", write_concern=unacknowledged
        )

    async def append(self, position: int) -> None:
        await self._changes.insert_one(
            {
                "position": position,
                "teamId": "red",
                "version": position,
                "kind": "ForeignChange",
                "at": SOME_TIME,
            }
        )


async def test_a_tail_that_resumes_before_a_majority_has_a_change_still_sends_it(
    replica_set: ReplicaSet, streams: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream begins behind change 2, and the log does not show it until a majority has it."""
    monkeypatch.setattr(tail_module, "RETRY_SECONDS", 0.02)
    log, tail = Log(streams), MongoChangeTail(streams, DATABASE)
    enter = ChangeStream.__aenter__
    reopened = asyncio.Event()

    async def open_again(self: ChangeStream) -> ChangeStream:
        stream = await enter(self)
        reopened.set()
        return stream

    batches = tail.follow()
    async with asyncio.timeout(30), aclosing(batches):  # type: ignore[type-var]  # it is a generator
        await anext(batches)
        await log.append(1)
        told = [change.position for change in await anext(batches)]
        monkeypatch.setattr(ChangeStream, "__aenter__", open_again)

        async with replica_set.frozen_secondaries():
            await log.append(2)
            await streams.admin.command("killAllSessions", [])
            following = asyncio.ensure_future(anext(batches))
            await reopened.wait()
            # What reads the log without waiting for a majority has read it by now.
            await asyncio.wait([following], timeout=0.5)
            await log.append(3)
        told += [change.position for change in await following]
        while told[-1] < 3:
            told += [change.position for change in await anext(batches)]

    assert told == [1, 2, 3]


async def test_reads_that_have_caught_up_show_what_no_majority_had(
    replica_set: ReplicaSet, streams: Client
) -> None:
    log, reader = Log(streams), MongoChangeLog(streams, DATABASE)
    await log.append(1)

    async with replica_set.frozen_secondaries():
        await log.append(2)
        catching_up = asyncio.ensure_future(reader.catch_up())
        done, _ = await asyncio.wait([catching_up], timeout=0.2)
        assert not done
    await catching_up

    assert await reader.last_position() == 2


async def test_a_recorder_without_a_position_records_changes_not_yet_at_a_majority(
    replica_set: ReplicaSet, streams: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream begins behind version 2, and the team shows it only once a majority has it."""
    log = ChangeLogReader(streams, DATABASE)
    teams = streams[DATABASE].get_collection("teams", write_concern=WriteConcern(1))
    await log.forget_recorder()
    await teams.insert_one({"_id": "red", "name": "Red", "userIds": [], "version": 1})
    enter = ChangeStream.__aenter__
    opened = asyncio.Event()
    frozen = AsyncExitStack()

    async def open_behind(self: ChangeStream) -> ChangeStream:
        monkeypatch.setattr(ChangeStream, "__aenter__", enter)
        await frozen.enter_async_context(replica_set.frozen_secondaries())
        await teams.update_one({"_id": "red"}, {"$set": {"version": 2}})
        stream = await enter(self)
        opened.set()
        return stream

    monkeypatch.setattr(ChangeStream, "__aenter__", open_behind)
    async with recording(streams, DATABASE) as recorder, frozen:
        await opened.wait()
        # What reads the teams without waiting for a majority has read them by now.
        await asyncio.wait([recorder], timeout=0.5)
        await frozen.aclose()
        await log.wait_until_complete()

    assert [version for version, _ in await log.told("red")] == [1, 2]
