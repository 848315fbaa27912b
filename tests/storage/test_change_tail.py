"""The tail of the change log on a real change stream: each entry once, whatever breaks."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from app.domain.faults import DatabaseUnavailable
from app.storage.changes import tail as tail_module
from app.storage.changes.stream import ChangeStream
from app.storage.changes.tail import MongoChangeTail
from app.storage.client import Client
from app.storage.errors import HistoryLost
from tests.harness.fake_feeds import SOME_TIME


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "RETRY_SECONDS", 0.02)


class Log:
    """Writes entries as a recorder does."""

    def __init__(self, client: Client, database: str) -> None:
        self._changes = client[database]["team_changes"]
        self._position = 0

    async def append(self, count: int) -> None:
        positions = range(self._position + 1, self._position + count + 1)
        self._position += count
        entry: dict[str, Any] = {"teamId": "red", "kind": "ForeignChange", "at": SOME_TIME}
        await self._changes.insert_many(
            [{**entry, "position": position, "version": position} for position in positions]
        )


@pytest.fixture
def log(client: Client, database: str) -> Log:
    return Log(client, database)


async def _positions(tail: MongoChangeTail, last: int, seam: Callable[[], Any]) -> list[int]:
    """The tail's entries up to a position; the seam runs once it is reached."""
    positions: list[int] = []
    batches = tail.follow()
    async with asyncio.timeout(20), aclosing(batches):  # type: ignore[type-var]  # it is a generator
        assert await anext(batches) == []
        await seam()
        while not positions or positions[-1] < last:
            positions += [change.position for change in await anext(batches)]
    return positions


async def test_new_entries_are_sent_once_and_in_order(
    streams: Client, database: str, log: Log
) -> None:
    await log.append(5)

    async def go_on() -> None:
        await log.append(3)
        await log.append(1_200)

    told = await _positions(MongoChangeTail(streams, database), 1_208, go_on)

    assert told == list(range(6, 1_209))


@pytest.mark.parametrize(
    "fault",
    [DatabaseUnavailable("gone"), HistoryLost("gone"), OperationFailure("unheard of", 1)],
    ids=["database unavailable", "history lost", "unknown"],
)
@pytest.mark.parametrize("missed", [1, 1_500])
async def test_entries_appended_while_the_stream_is_broken_are_sent_once_in_order(
    fault: Exception,
    missed: int,
    streams: Client,
    database: str,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    next_batch = ChangeStream.next_batch
    broken = asyncio.Event()

    async def break_once(self: ChangeStream) -> object:
        if not broken.is_set():
            broken.set()
            await log.append(missed)
            raise fault
        return await next_batch(self)

    async def go_on() -> None:
        await log.append(2)
        monkeypatch.setattr(ChangeStream, "next_batch", break_once)

    told = await _positions(MongoChangeTail(streams, database), missed + 2, go_on)

    assert broken.is_set()
    assert told == list(range(1, missed + 3))


async def test_entries_appended_while_the_tail_opens_are_sent_once(
    streams: Client, database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter, next_batch = ChangeStream.__aenter__, ChangeStream.next_batch
    opened = 0

    async def open_then_append(self: ChangeStream) -> ChangeStream:
        nonlocal opened
        stream = await enter(self)
        opened += 1
        if opened == 2:
            await log.append(3)
        return stream

    async def break_once(self: ChangeStream) -> object:
        if opened == 1:
            raise DatabaseUnavailable("gone")
        return await next_batch(self)

    monkeypatch.setattr(ChangeStream, "__aenter__", open_then_append)
    monkeypatch.setattr(ChangeStream, "next_batch", break_once)
    tail = MongoChangeTail(streams, database)

    async def go_on() -> None:
        await log.append(1)

    told = await _positions(tail, 4, go_on)

    assert told == [1, 2, 3, 4]
