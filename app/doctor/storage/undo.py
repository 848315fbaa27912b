"""Undo of repairs, newest first, where the document is unchanged since."""

from collections.abc import AsyncIterator, Mapping

from app.doctor.ports import Undone
from app.doctor.storage.exclusive_access import LeaseGuard
from app.doctor.storage.journal import Entry, RepairJournal
from app.doctor.storage.structure import drop_unique_index
from app.doctor.storage.swaps import Swap, swap
from app.doctor.storage.team_documents import RAW, key_of, now
from app.domain.ids import TeamId
from app.storage.client import Client, teams_of
from app.storage.errors import driver_faults

RESTORED = "restored"
UNCHANGED = "unchanged"
KEPT = "kept"


class MongoUndoableRepairs:
    """`UndoableRepairs` on MongoDB, under the lease."""

    def __init__(self, client: Client, database: str, guard: LeaseGuard) -> None:
        self._client = client
        self._database = database
        self._guard = guard
        self._teams = teams_of(client, database)
        self._journal = RepairJournal(client, database)

    async def count(self) -> int:
        with driver_faults():
            return await self._journal.count()

    async def undo(self) -> AsyncIterator[Undone]:
        with driver_faults():
            if await self._journal.count() == 0:
                return
            self._guard.check()
            await drop_unique_index(self._client, self._database)
            async for entries in self._journal.read_back():
                self._guard.check()
                yield await self._restore_teams(entries)

    async def _restore_teams(self, entries: list[Entry]) -> Undone:
        """*Atomicity*: one document. If killed before the mark, the next undo finds it restored."""
        present = await self._read(entries)
        outcomes: dict[int, str] = {}
        swaps: dict[Swap, Entry] = {}
        for entry in entries:
            after = present.get(key_of(entry.new_id))
            if after is not None and entry.was_applied_to(after):
                swaps[Swap(after, entry.before)] = entry
                outcomes[entry.number] = RESTORED
            elif present.get(key_of(entry.old_id)) == entry.before:
                outcomes[entry.number] = UNCHANGED
            else:
                outcomes[entry.number] = KEPT
        for missed in await swap(self._client, self._teams, list(swaps)):
            outcomes[swaps[missed].number] = KEPT
        await self._journal.mark_undone(outcomes, at=now())
        kept = [entry for entry in entries if outcomes[entry.number] == KEPT]
        return Undone(
            entries=len(entries),
            restored=sum(outcome == RESTORED for outcome in outcomes.values()),
            kept=len(kept),
            kept_ids=tuple(TeamId(str(entry.new_id)) for entry in kept),
        )

    async def _read(self, entries: list[Entry]) -> Mapping[bytes, bytes]:
        ids = [id_ for entry in entries for id_ in (entry.old_id, entry.new_id)]
        found = self._teams.with_options(codec_options=RAW).find({"_id": {"$in": ids}})
        return {key_of(document["_id"]): document.raw async for document in found}
