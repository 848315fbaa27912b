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
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from bson.raw_bson import RawBSONDocument
from pymongo import DESCENDING

from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import TeamKey
from app.doctor.storage.structure import Structure
from app.doctor.storage.team_documents import RAW, id_of_document, key_of
from app.storage.client import Client, team_repairs_of

ENTRIES_AT_ONCE = 200
BYTES_AT_ONCE = 1_000_000
ENTRIES_PER_ANSWER = 20

_TO_BE_UNDONE: Mapping[str, Any] = {"kind": "team", "undo": None}


@dataclass(frozen=True, slots=True)
class Entry:
    """Journal entry of one document."""

    number: int
    old_id: Any
    new_id: Any
    before: bytes
    after_digest: str

    @property
    def keys(self) -> set[TeamKey]:
        """Keys of the document before and after the repair."""
        return {key_of(self.old_id), key_of(self.new_id)}

    def was_applied_to(self, stored: bytes | None) -> bool:
        """Whether this is the repaired document, unchanged since."""
        return stored is not None and digest(stored) == self.after_digest


def digest(stored: bytes) -> str:
    """SHA-256 of a document."""
    return sha256(stored).hexdigest()


class RepairJournal:
    """The journal's only writer, under the guard's lease."""

    def __init__(self, client: Client, database: str) -> None:
        self._entries = team_repairs_of(client, database)
        self._raw = self._entries.with_options(codec_options=RAW)
        self._run = uuid4().hex
        self._last: int | None = None

    async def next_number(self) -> int:
        """Number of the next entry."""
        if self._last is None:
            last = await self._entries.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
            self._last = last["_id"] if last else 0
        return self._last + 1

    async def write_teams(
        self, written: Sequence[tuple[RepairPlan, bytes]], *, at: datetime
    ) -> None:
        """Write an entry per document, numbered from `next_number` on."""
        first = await self.next_number()
        heading = {"kind": "team", "run": self._run, "at": at}
        await self._entries.insert_many(
            [
                {"_id": number, **heading, **_describe(plan, after)}
                for number, (plan, after) in enumerate(written, first)
            ]
        )
        self._last = first + len(written) - 1

    async def write_collection(self, structure: Structure, *, at: datetime) -> None:
        """Write an entry with the collection's options and indexes, which no undo restores."""
        number = await self.next_number()
        await self._entries.insert_one(
            {
                "_id": number,
                "kind": "collection",
                "run": self._run,
                "at": at,
                "before": {
                    "options": dict(structure.options),
                    "indexes": [dict(index) for index in structure.indexes],
                },
            }
        )
        self._last = number

    async def count(self) -> int:
        """Number of entries to undo."""
        return await self._entries.count_documents(_TO_BE_UNDONE)

    async def read_back(self) -> AsyncIterator[list[Entry]]:
        """Entries to undo, newest first, in batches that name each document once."""
        batch: list[Entry] = []
        seen: set[TeamKey] = set()
        size = 0
        found = self._raw.find(_TO_BE_UNDONE).sort("_id", DESCENDING).batch_size(ENTRIES_PER_ANSWER)
        async for document in found:
            entry = _read_entry(document)
            is_full = len(batch) >= ENTRIES_AT_ONCE or size > BYTES_AT_ONCE
            if batch and (is_full or seen & entry.keys):
                yield batch
                batch, seen, size = [], set(), 0
            batch.append(entry)
            seen |= entry.keys
            size += len(entry.before)
        if batch:
            yield batch

    async def mark_undone(self, outcomes: Mapping[int, str], *, at: datetime) -> None:
        """Store the outcome of undoing these entries."""
        for outcome in sorted(set(outcomes.values())):
            numbers = [number for number, each in outcomes.items() if each == outcome]
            await self._entries.update_many(
                {"_id": {"$in": numbers}}, {"$set": {"undo": {"at": at, "outcome": outcome}}}
            )


def _describe(plan: RepairPlan, after: bytes) -> dict[str, Any]:
    return {
        "teamId": id_of_document(plan.team.stored),
        "newId": id_of_document(after),
        "found": {finding.value: list(lines) for finding, lines in plan.notes.items()},
        "afterDigest": digest(after),
        "before": RawBSONDocument(plan.team.stored, RAW),
    }


def _read_entry(document: RawBSONDocument) -> Entry:
    return Entry(
        number=document["_id"],
        old_id=document["teamId"],
        new_id=document["newId"],
        before=document["before"].raw,
        after_digest=document["afterDigest"],
    )
