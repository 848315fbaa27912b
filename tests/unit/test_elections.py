"""Reads of the present after an election are not older than an acknowledged change."""

from types import SimpleNamespace
from typing import Any, cast

from app.storage.client import Client
from app.storage.elections import CaughtUpReads


class ReplicaSet:
    """Primaries that answer with the version before the last until they have caught up."""

    def __init__(self) -> None:
        self.topology_description = SimpleNamespace(max_election_id=1)
        self.version = 1
        self.is_behind = False
        self.catch_ups = 0

    def __getitem__(self, _: str) -> Any:
        return self

    def get_collection(self, *_: object, **__: object) -> Any:
        return self

    def with_options(self, **_: object) -> Any:
        return self

    async def find_one(self, *_: object) -> None:
        self.catch_ups += 1
        self.is_behind = False

    async def read(self) -> int:
        return self.version - self.is_behind

    def elect(self) -> None:
        self.topology_description.max_election_id += 1
        self.is_behind = True


def reads_of(replica_set: ReplicaSet) -> CaughtUpReads:
    return CaughtUpReads(cast("Client", replica_set), "teams")


async def test_a_read_after_an_election_is_not_older_than_before() -> None:
    replica_set = ReplicaSet()
    reads = reads_of(replica_set)
    before = await reads.read(replica_set.read)

    replica_set.elect()

    assert await reads.read(replica_set.read) == before


async def test_an_election_during_the_read_counts_too() -> None:
    replica_set = ReplicaSet()
    reads = reads_of(replica_set)
    await reads.read(replica_set.read)

    async def read_of_the_next_primary() -> int:
        if replica_set.topology_description.max_election_id == 1:
            replica_set.elect()
        return await replica_set.read()

    assert await reads.read(read_of_the_next_primary) == replica_set.version


async def test_a_known_primary_is_read_once() -> None:
    replica_set = ReplicaSet()
    reads = reads_of(replica_set)
    await reads.read(replica_set.read)

    await reads.read(replica_set.read)

    assert replica_set.catch_ups == 0
