"""Rewrite team documents, and restore them.

A write requires the whole document to be unchanged since it was read: a concurrent external writer
wins. The journal entry is written first.
"""

from collections.abc import AsyncIterator, Sequence

from pymongo.errors import DuplicateKeyError

from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import TeamKey
from app.doctor.storage.exclusive_access import LeaseGuard
from app.doctor.storage.journal import Entry, RepairJournal, digest
from app.doctor.storage.structure import drop_indexes, enforce_validation, read_structure
from app.doctor.storage.swaps import Swap, swap
from app.doctor.storage.team_documents import id_of_document, key_of, now
from app.doctor.storage.teams import StoredTeams
from app.domain.faults import RepairStopped
from app.domain.ids import TeamId
from app.storage.client import Client
from app.storage.documents import RAW
from app.storage.errors import driver_faults
from app.storage.preparation import prepare_database

RESTORED = "restored"
UNCHANGED = "unchanged"
KEPT = "kept"


class RepairableTeams(StoredTeams):
    """Write access, under the lease and with a journal.

    *Raises*: also `RepairStopped`; repeating is safe.
    """

    def __init__(
        self, client: Client, database: str, guard: LeaseGuard, *, request_memory_hours: int
    ) -> None:
        super().__init__(client, database)
        self._guard = guard
        self._journal = RepairJournal(client, database)
        self._request_memory_hours = request_memory_hours

    async def remove_obstacles(self) -> None:
        """Record indexes and validator in the journal, then drop the obstacles.

        It drops G1's unique index too, which rejects intermediate states; `prepare` rebuilds it.
        """
        self._guard.check()
        with driver_faults():
            structure = await read_structure(self._client, self._database)
            await self._journal.write_collection(structure, at=now())
            await drop_indexes(self._client, self._database, obstacles=True)

    async def rewrite(self, plans: Sequence[RepairPlan]) -> Sequence[TeamKey]:
        """Write the repaired documents, journal first; returns the keys of those changed meanwhile.

        *Atomicity*: one document, on condition that it is unchanged since it was read.
        """
        if not plans:
            return ()
        self._guard.check()
        with driver_faults():
            swaps = await self._journal.write_teams(plans, at=now())
            missed = await swap(self._client, self._teams, swaps)
        return [key_of(id_of_document(each.before)) for each in missed]

    async def prepare(self) -> None:
        """Create the service's validator and indexes, as a starting server does."""
        self._guard.check()
        with driver_faults():
            await enforce_validation(self._client, self._database)
        try:
            await prepare_database(
                self._client, self._database, request_memory_hours=self._request_memory_hours
            )
        except DuplicateKeyError as error:
            raise RepairStopped(
                f"All teams are repaired, but an index can't be built. MongoDB says: {error}"
            ) from error

    async def count_repairs(self) -> int:
        """Number of journal entries to undo."""
        with driver_faults():
            return await self._journal.count()

    async def undo(self) -> AsyncIterator[list[tuple[TeamId, str]]]:
        """Restore the documents, newest repair first; yields teams and outcomes in batches."""
        with driver_faults():
            if await self._journal.count() == 0:
                return
            self._guard.check()
            await drop_indexes(self._client, self._database, obstacles=False)
            async for entries in self._journal.read_back():
                self._guard.check()
                yield await self._restore(entries)

    async def _restore(self, entries: Sequence[Entry]) -> list[tuple[TeamId, str]]:
        """*Atomicity*: one document. If killed before the mark, the next undo finds it restored."""
        ids = [id_ for entry in entries for id_ in (entry["teamId"], entry["newId"])]
        found = self._teams.with_options(codec_options=RAW).find({"_id": {"$in": ids}})
        stored = {key_of(document["_id"]): bytes(document.raw) async for document in found}
        outcomes: dict[int, str] = {}
        numbers: dict[Swap, int] = {}
        for entry in entries:
            number, before = entry["_id"], bytes(entry["before"].raw)
            after = stored.get(key_of(entry["newId"]))
            if after is not None and digest(after) == entry["afterDigest"]:
                numbers[Swap(after, before)] = number
                outcomes[number] = RESTORED
            else:
                is_unchanged = stored.get(key_of(entry["teamId"])) == before
                outcomes[number] = UNCHANGED if is_unchanged else KEPT
        for missed in await swap(self._client, self._teams, list(numbers)):
            outcomes[numbers[missed]] = KEPT
        await self._journal.mark_undone(outcomes, at=now())
        return [(TeamId(str(entry["newId"])), outcomes[entry["_id"]]) for entry in entries]
