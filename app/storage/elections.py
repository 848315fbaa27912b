"""Reads after an election, which may be older than what the primary before acknowledged."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.read_concern import ReadConcern

from app.storage.client import Client, recorder_of

FoundT = TypeVar("FoundT")


class CaughtUpReads:
    """Reads of the present that are never older than an acknowledged change.

    Until the first write of a new primary is on a majority, it answers with the last commit that it
    heard of. What this process read under a primary that is new to it is therefore read again after
    a linearizable read, for which the primary writes and waits. *Raises*: as the reads.
    """

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._recorder = recorder_of(client, database).with_options(
            read_concern=ReadConcern("linearizable")
        )
        self._caught_up_with: object = None

    async def read(self, find: Callable[[], Awaitable[FoundT]]) -> FoundT:
        """The result of `find`, which is called again after an election."""
        while True:
            found = await find()
            # The driver knows of an election before it sends anything to the primary elected.
            election = self._client.topology_description.max_election_id
            if self._caught_up_with in (None, election):  # None: nothing was shown before
                self._caught_up_with = election
                return found
            await self.catch_up()
            if election == self._client.topology_description.max_election_id:
                self._caught_up_with = election

    async def catch_up(self) -> None:
        """Wait until all that the primary had before is on a majority of the nodes."""
        # For a linearizable read the primary writes a no-op and waits until it is on a majority,
        # and so is everything that the primary had before. The document need not exist.
        await self._recorder.find_one({"_id": None})
