"""Write-ahead journal of repairs, in the collection `team_repairs`.

_id              1, 2, 3, … in the order of writing
kind             "team", or "collection" for indexes and validator
run, at          id of the run, and time
teamId, newId    the document's `_id` before and after
found            findings with their notes
before           the original document, byte for byte; of a collection its options and indexes
afterDigest      SHA-256 of the repaired document
undo             time and outcome of the undo: restored, unchanged or kept
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from bson.raw_bson import RawBSONDocument
from pymongo import DESCENDING

from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import TeamKey
from app.doctor.storage.structure import Structure
from app.doctor.storage.swaps import Swap
from app.doctor.storage.team_documents import id_of_document, key_of, repaired_document
from app.storage.client import Client, team_repairs_of
from app.storage.documents import RAW

ENTRIES_AT_ONCE = 200
BYTES_AT_ONCE = 1_000_000
ENTRIES_PER_ANSWER = 20

_TO_BE_UNDONE: Mapping[str, Any] = {"kind": "team", "undo": None}

Entry = RawBSONDocument


def digest(stored: bytes) -> str:
    """SHA-256 of a document."""
    return sha256(stored).hexdigest()


class RepairJournal:
    """The journal's only writer, under the guard's lease."""

    def __init__(self, client: Client, database: str) -> None:
        self._entries = team_repairs_of(client, database)
        self._raw = self._entries.with_options(codec_options=RAW)
        self._run = uuid4().hex

    async def write_teams(self, plans: Sequence[RepairPlan], *, at: datetime) -> list[Swap]:
        """Write an entry per document; returns the swaps that the entries describe."""
        first = await self._next_number()
        swaps, entries = [], []
        for number, plan in enumerate(plans, first):
            before, after = plan.team.stored, repaired_document(plan, at=at, entry=number)
            swaps.append(Swap(before, after))
            entry = {
                "teamId": id_of_document(before),
                "newId": id_of_document(after),
                "found": {finding.value: list(lines) for finding, lines in plan.notes.items()},
                "afterDigest": digest(after),
                "before": RawBSONDocument(before, RAW),
            }
            entries.append({"_id": number, "kind": "team", "run": self._run, "at": at, **entry})
        await self._entries.insert_many(entries)
        return swaps

    async def write_collection(self, structure: Structure, *, at: datetime) -> None:
        """Write an entry with the collection's options and indexes, which no undo restores."""
        before = {"options": structure.options, "indexes": structure.indexes}
        entry = {"_id": await self._next_number(), "kind": "collection", "run": self._run, "at": at}
        await self._entries.insert_one({**entry, "before": before})

    async def count(self) -> int:
        """Number of entries to undo."""
        return await self._entries.count_documents(_TO_BE_UNDONE)

    async def read_back(self) -> AsyncIterator[list[Entry]]:
        """Entries to undo, newest first, in batches that name each document once."""
        batch: list[Entry] = []
        seen: set[TeamKey] = set()
        size = 0
        found = self._raw.find(_TO_BE_UNDONE).sort("_id", DESCENDING).batch_size(ENTRIES_PER_ANSWER)
        async for entry in found:
            keys = {key_of(entry["teamId"]), key_of(entry["newId"])}
            is_full = len(batch) >= ENTRIES_AT_ONCE or size > BYTES_AT_ONCE
            if batch and (is_full or seen & keys):
                yield batch
                batch, seen, size = [], set(), 0
            batch.append(entry)
            seen |= keys
            size += len(entry.raw)
        if batch:
            yield batch

    async def mark_undone(self, outcomes: Mapping[int, str], *, at: datetime) -> None:
        """Store the outcome of undoing these entries."""
        for outcome in sorted(set(outcomes.values())):
            numbers = [number for number, each in outcomes.items() if each == outcome]
            await self._entries.update_many(
                {"_id": {"$in": numbers}}, {"$set": {"undo": {"at": at, "outcome": outcome}}}
            )

    async def _next_number(self) -> int:
        last = await self._entries.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return last["_id"] + 1 if last else 1
