"""Reads of one process that share the next read: what each gets, and whom nobody holds up."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from app.storage.teams.shared_reads import MAX_SHARED_IDS, SharedReads
from tests.harness.waiting import eventually


class Database:
    """Values by id. A read sees them when it begins, and ends when it is let go."""

    def __init__(self) -> None:
        self.values = dict.fromkeys("abc", 1)
        self.reads: list[set[str]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Semaphore(0)
        self.shared = SharedReads(self.find)

    async def find(self, ids: Collection[str], _options: str) -> Mapping[str, int]:
        self.reads.append({*ids})
        found = {id_: self.values[id_] for id_ in ids if id_ in self.values}
        await self.gate.acquire()
        if self.fault is not None:
            raise self.fault
        return found

    def asked(self, *ids: str, options: str = "") -> asyncio.Task[Mapping[str, int]]:
        return asyncio.create_task(self.shared.find(ids, options))

    def let_go(self, reads: int = 1) -> None:
        for _ in range(reads):
            self.gate.release()


@pytest.fixture
async def database() -> Database:
    return Database()


async def until_read(database: Database, count: int) -> None:
    async def are_read() -> bool:
        return len(database.reads) == count

    await eventually(are_read)


@pytest.fixture(name="first")
async def _first(database: Database) -> asyncio.Task[Mapping[str, int]]:
    """A read that is under way."""
    task = database.asked("a")
    await until_read(database, 1)
    return task


@pytest.mark.usefixtures("first")
async def test_those_who_wait_share_the_next_read(database: Database) -> None:
    b, c, both, missing = (database.asked(*ids) for ids in ("b", "c", "bc", "x"))
    await asyncio.sleep(0)

    database.let_go(2)

    assert (await b, await c, await both, await missing) == (
        {"b": 1},
        {"c": 1},
        {"b": 1, "c": 1},
        {},
    )
    assert database.reads == [{"a"}, {"b", "c", "x"}]


@pytest.mark.usefixtures("first")
async def test_an_answer_is_not_older_than_its_request(database: Database) -> None:
    database.values["a"] = 2
    second = database.asked("a")
    await asyncio.sleep(0)

    database.let_go(2)

    assert await second == {"a": 2}


@pytest.mark.usefixtures("first")
async def test_other_options_are_read_at_once(database: Database) -> None:
    database.asked("a", options="with member counts")

    await until_read(database, 2)
    database.let_go(2)


@pytest.mark.usefixtures("first")
async def test_more_ids_than_a_read_may_have_are_read_at_once(database: Database) -> None:
    many = database.asked(*(f"id-{number}" for number in range(MAX_SHARED_IDS + 1)))
    await until_read(database, 2)

    database.let_go(2)

    assert await many == {}


async def test_a_failed_read_fails_for_all_that_share_it(database: Database) -> None:
    first, b, c = (database.asked(id_) for id_ in "abc")
    await until_read(database, 1)
    database.let_go()
    assert await first == {"a": 1}

    database.fault = OSError("gone")
    database.let_go()

    for each in (b, c):
        with pytest.raises(OSError, match="gone"):
            await each
    database.fault = None
    database.let_go()
    assert await database.asked("a") == {"a": 1}


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_a_cancelled_request_leaves_others_their_read(
    database: Database, cancelled: int
) -> None:
    requests = [database.asked(id_) for id_ in "abc"]
    await until_read(database, 1)

    requests[cancelled].cancel()
    database.let_go(2)

    assert await requests[2] == {"c": 1}


async def test_a_silent_read_holds_up_nobody(
    database: Database, first: asyncio.Task[object]
) -> None:
    second = database.asked("b")
    await until_read(database, 2)

    first.cancel()  # it would not end before
    database.let_go(2)

    assert await second == {"b": 1}
