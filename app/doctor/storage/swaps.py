"""Compare-and-swap of whole documents.

*Atomicity*: one document, or one transaction where the `_id` changes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from app.doctor.storage.team_documents import id_of_document, key_of
from app.domain.faults import RepairStopped
from app.storage.client import MAJORITY_WRITES, Client, Collection, settled
from app.storage.documents import RAW


class Swap(NamedTuple):
    """A document to replace with another, both byte for byte."""

    before: bytes
    after: bytes

    @property
    def keeps_id(self) -> bool:
        """True if both have the same `_id` of the same type."""
        return key_of(id_of_document(self.before)) == key_of(id_of_document(self.after))


async def swap(client: Client, teams: Collection, swaps: Sequence[Swap]) -> list[Swap]:
    """Swap the documents; returns the swaps whose document had changed.

    *Raises*: `RepairStopped` if an index rejects one.
    """
    try:
        missed = await _replace(teams, [each for each in swaps if each.keeps_id])
        for each in swaps:
            if not each.keeps_id and not await _exchange(client, teams, each):
                missed.append(each)
    except (BulkWriteError, DuplicateKeyError) as error:
        raise RepairStopped(
            "An index of the collection rejected a change: another program, possibly a server, "
            "created it during the run. Stop that program, then run this again. "
            f"MongoDB says: {error.details}"
        ) from error
    return missed


async def _replace(teams: Collection, swaps: Sequence[Swap]) -> list[Swap]:
    if not swaps:
        return []
    writes: list[ReplaceOne[Any]] = [
        ReplaceOne(_unchanged(each.before), RawBSONDocument(each.after, RAW)) for each in swaps
    ]
    result = await teams.bulk_write(writes, ordered=False, bypass_document_validation=True)
    if result.matched_count == len(swaps):
        return []
    ids = [id_of_document(each.before) for each in swaps]
    found = teams.with_options(codec_options=RAW).find({"_id": {"$in": ids}})
    there = {document.raw async for document in found}
    return [each for each in swaps if each.after not in there]


async def _exchange(client: Client, teams: Collection, each: Swap) -> bool:
    async def delete_and_insert(_: object) -> bool:
        deleted = await teams.delete_one(_unchanged(each.before), session=session)
        if deleted.deleted_count:
            new = RawBSONDocument(each.after, RAW)
            await teams.insert_one(new, bypass_document_validation=True, session=session)
        return deleted.deleted_count > 0

    async with await settled(client.start_session()) as session:
        return await session.with_transaction(delete_and_insert, write_concern=MAJORITY_WRITES)


def _unchanged(stored: bytes) -> Mapping[str, Any]:
    """Filter that matches this exact document only."""
    document = RawBSONDocument(stored, RAW)
    return {"_id": document["_id"], "$expr": {"$eq": ["$$ROOT", {"$literal": document}]}}
