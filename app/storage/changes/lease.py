"""The recorder's lease: acquired and renewed by compare-and-set on one document.

Only the database's clock decides when it expires, so servers whose clocks differ agree. `term` is a
fencing token: each acquisition increments it, and every write under the lease has it in its filter,
so a holder that was paused past its expiry can't write.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument

from app.storage.client import Collection
from app.storage.errors import driver_faults

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0

RECORDER_ID = "recorder"
_UNTIL: dict[str, Any] = {
    "$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(LEASE_SECONDS * 1000)}
}


def _if_number(field: str, then: object, otherwise: object) -> dict[str, Any]:
    """A condition that fails for a value of another type or size, set by an external writer."""
    is_number = {"$in": [{"$type": field}, ["int", "long"]]}
    return {"$cond": [{"$and": [is_number, {"$lt": [field, 2**50]}]}, then, otherwise]}


_NEXT_TERM = _if_number("$term", {"$add": ["$term", 1]}, {"$toLong": "$$NOW"})
_IS_TOKEN: dict[str, Any] = {"$eq": [{"$type": "$resumeToken._data"}, "string"]}
_HELD_FIELDS: dict[str, Any] = {
    "term": 1,
    "position": _if_number("$position", {"$max": ["$position", 0]}, 0),
    "resumeToken": {"$cond": [_IS_TOKEN, "$resumeToken", None]},
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held, with the saved progress; the log may already be ahead of it."""

    holder: str
    term: int
    position: int
    resume_token: dict[str, Any] | None

    @property
    def condition(self) -> dict[str, Any]:
        """The filter of every write under this lease; it matches until another server takes it."""
        return {"_id": RECORDER_ID, "holder": self.holder, "term": self.term}


def advanced(position: int, resume_token: object) -> list[dict[str, Any]]:
    """The update that saves the holder's progress and renews its lease."""
    progress = {"position": position, "resumeToken": {"$literal": resume_token}}
    return [{"$set": {**progress, "expiresAt": _UNTIL}}]


async def make_lease(recorder: Collection, resume_token: dict[str, Any] | None) -> None:
    """Create a free lease if there is none, with the token to resume the stream after.

    *Atomicity*: one document; of concurrent calls, one creates it. Without a token the first holder
    fills the log from the teams.
    """
    new = {"term": 0, "position": 0, "expiresAt": datetime.fromtimestamp(0, UTC)}
    if resume_token is not None:
        new["resumeToken"] = resume_token
    with driver_faults():
        await recorder.update_one({"_id": RECORDER_ID}, {"$setOnInsert": new}, upsert=True)


async def take_lease(recorder: Collection, holder: str) -> Lease | None:
    """The lease, unless another server holds it. *Atomicity*: one document."""
    # A later time, or a value of another type, was set by an external writer: the lease is free.
    longest = {"$dateAdd": {"startDate": "$$NOW", "unit": "hour", "amount": 1}}
    held = {"$and": [{"$gte": ["$expiresAt", "$$NOW"]}, {"$lt": ["$expiresAt", longest]}]}
    free = {"_id": RECORDER_ID, "$expr": {"$not": held}}
    taken = [
        {
            "$set": {
                "holder": {"$literal": holder},
                "expiresAt": _UNTIL,
                "term": _NEXT_TERM,
            }
        }
    ]
    with driver_faults():
        document: dict[str, Any] | None = await recorder.find_one_and_update(
            free, taken, projection=_HELD_FIELDS, return_document=ReturnDocument.AFTER
        )
        if document is None:
            # Held by another server; or removed, and then the next attempt finds a new one.
            await make_lease(recorder, None)
            return None
    return Lease(holder, document["term"], document["position"], document["resumeToken"])


async def keep_lease(recorder: Collection, lease: Lease, resume_token: object) -> bool:
    """Renew the lease for `LEASE_SECONDS`; False if another server has taken it.

    This also saves the resume token of an idle stream, so that it does not fall off the oplog.
    """
    kept = [{"$set": {"expiresAt": _UNTIL, "resumeToken": {"$literal": resume_token}}}]
    with driver_faults():
        result = await recorder.update_one(lease.condition, kept)
    return result.matched_count == 1


async def release_lease(recorder: Collection, lease: Lease) -> None:
    """Expire the lease now, so that another server need not wait for it."""
    with driver_faults():
        await recorder.update_one(lease.condition, [{"$set": {"expiresAt": "$$NOW"}}])
