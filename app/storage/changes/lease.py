"""A lease on being the one recorder: taken and kept by compare-and-set on one document.

The database's clock alone decides when it has run out, so servers whose clocks differ agree. Each
taking raises `term`; whoever writes under the lease names its term in that write's condition, so a
holder that was paused past its time can write nothing any more.
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
    """By a condition that no odd type nor size passes, which another program may have set."""
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
    """A lease held: where the recording stands; the log may have more than its last holder knew."""

    holder: str
    term: int
    position: int
    resume_token: dict[str, Any] | None

    @property
    def condition(self) -> dict[str, Any]:
        """The filter of every write under this lease: it matches as long as nobody else took it."""
        return {"_id": RECORDER_ID, "holder": self.holder, "term": self.term}


def advanced(position: int, resume_token: object) -> list[dict[str, Any]]:
    """The update that saves how far a holder has come, and keeps its lease by the way."""
    progress = {"position": position, "resumeToken": {"$literal": resume_token}}
    return [{"$set": {**progress, "expiresAt": _UNTIL}}]


async def make_lease(recorder: Collection, resume_token: dict[str, Any] | None) -> None:
    """Makes the lease, free, if it is not there; a token says from where the stream is to be read.

    *Atomicity*: one document; of several who make it one does. Without a token the first holder
    fills the log from the teams themselves.
    """
    new = {"term": 0, "position": 0, "expiresAt": datetime.fromtimestamp(0, UTC)}
    if resume_token is not None:
        new["resumeToken"] = resume_token
    with driver_faults():
        await recorder.update_one({"_id": RECORDER_ID}, {"$setOnInsert": new}, upsert=True)


async def take_lease(recorder: Collection, holder: str) -> Lease | None:
    """The lease, if nobody else holds it. *Atomicity*: one document, by the database's clock."""
    # By no other type, and for no longer than this, do we hold it: that is another program's.
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
            # Held by somebody else, or somebody has removed it: then the next attempt finds it.
            await make_lease(recorder, None)
            return None
    return Lease(holder, document["term"], document["position"], document["resumeToken"])


async def keep_lease(recorder: Collection, lease: Lease, resume_token: object) -> bool:
    """Whether the lease is still ours, for another `LEASE_SECONDS`.

    It also saves the resume position of a stream that is idle, lest it fall off the oplog.
    """
    kept = [{"$set": {"expiresAt": _UNTIL, "resumeToken": {"$literal": resume_token}}}]
    with driver_faults():
        result = await recorder.update_one(lease.condition, kept)
    return result.matched_count == 1


async def release_lease(recorder: Collection, lease: Lease) -> None:
    """Lets another server take over at once instead of when the lease has run out."""
    with driver_faults():
        await recorder.update_one(lease.condition, [{"$set": {"expiresAt": "$$NOW"}}])
