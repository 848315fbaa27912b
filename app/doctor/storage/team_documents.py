"""Conversion of stored documents: read any document, write a repaired one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import bson
from bson import DatetimeMS, Int64, ObjectId
from bson.binary import UUID_SUBTYPE, Binary
from bson.raw_bson import RawBSONDocument

from app.doctor.rules.fields import OBJECT_ID
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import ABSENT, Foreign, StoredTeam, StoredValue, TeamKey
from app.domain.changes import ChangeKind
from app.storage.documents import DECODED, RAW, Document, stored_team_id

MAX_DOCUMENT_BYTES = 4_000_000
"""Size limit of a repair, for bounded memory and journal entries below 16 MB.

A team of 10,000 members with the longest ids takes 1.4 MB.
"""


def key_of(stored_id: object) -> TeamKey:
    """The key of an `_id` of any type."""
    return TeamKey(bson.encode({"_id": stored_id}))


def id_of(key: TeamKey) -> Any:  # noqa: ANN401 - an id may be of any type
    """The `_id` of a key."""
    return RawBSONDocument(key, RAW)["_id"]


def read_stored_team(stored: bytes) -> StoredTeam:
    """Read a team from any document."""
    if len(stored) > MAX_DOCUMENT_BYTES:
        stored_id = id_of_document(stored)
        return StoredTeam(key_of(stored_id), b"", _value(stored_id), is_too_large=True)
    document = bson.decode(stored, DECODED)
    stored_id = document["_id"]
    user_ids = document.get("userIds", ABSENT)
    return StoredTeam(
        key=key_of(id_of_document(stored)),
        stored=stored,
        id=_value(stored_id),
        name=_text(document.get("name", ABSENT), stored),
        user_ids=tuple(map(_value, user_ids)) if isinstance(user_ids, list) else _value(user_ids),
        version=_value(document.get("version", ABSENT)),
        capacity=_value(document.get("capacity", ABSENT)),
        created_at=_value(document.get("createdAt", ABSENT)),
        updated_at=_value(document.get("updatedAt", ABSENT)),
        deleted_at=_value(document.get("deletedAt", ABSENT)),
        made_at=stored_id.generation_time if isinstance(stored_id, ObjectId) else None,
        has_sound_marks=_has_sound_marks(document),
    )


def id_of_document(stored: bytes) -> Any:  # noqa: ANN401 - an id may be of any type
    """The `_id` of a document, exactly as it is stored."""
    return RawBSONDocument(stored, RAW)["_id"]


def _value(value: object) -> StoredValue:
    """Convert a BSON value."""
    match value:
        case Int64():
            return int(value)
        case None | bool() | str() | int() | float() | datetime():
            return value
        case ObjectId():
            return Foreign(OBJECT_ID, str(value), str(value))
        case Binary() if value.subtype == UUID_SUBTYPE and len(value) == 16:
            return Foreign("UUID", str(UUID(bytes=bytes(value))), str(UUID(bytes=bytes(value))))
        case DatetimeMS():
            return Foreign("date", f"{int(value)} ms")
        case list() | dict():
            kind = "array" if isinstance(value, list) else "document"
            return Foreign(kind, f"with {len(value)} entries")
        case _ if value is ABSENT:
            return ABSENT
        case _:
            return Foreign(type(value).__name__, repr(value)[:60])


def _text(value: object, stored: bytes) -> StoredValue:
    """Convert a string; invalid UTF-8 becomes `Foreign`, with its lossy reading."""
    if isinstance(value, str) and "\ufffd" in value and value.encode() not in stored:
        return Foreign("string", "in invalid UTF-8", value)
    return _value(value)


def _has_sound_marks(document: Document) -> bool:
    """True if the service's metadata on requests and changes is valid."""
    creation = document.get("creation", {})
    requests = document.get("requests", [])
    return (
        isinstance(document.get("lastChange", {}), dict)
        and isinstance(creation, dict)
        and ("requestId" not in creation or "input" in creation)
        and isinstance(creation.get("actorId"), str | None)
        and isinstance(requests, list)
        and all(
            isinstance(mark, dict) and {"id", "actorId", "input"} <= set(mark) for mark in requests
        )
    )


def repaired_document(plan: RepairPlan, *, at: datetime, entry: int) -> bytes:
    """Encode the repaired document; fields unknown to the service are kept.

    `lastChange` marks an external write, which the change log records as a ForeignChange.
    """
    document = dict(RawBSONDocument(plan.team.stored, RAW))
    if not plan.id_is_kept:
        document["_id"] = stored_team_id(plan.id)
    wanted = {
        "name": plan.name,
        "userIds": list(plan.user_ids),
        "version": plan.version,
        "capacity": plan.capacity,
        "createdAt": plan.created_at,
        "updatedAt": at,
        "deletedAt": None if plan.deleted_at is ABSENT else plan.deleted_at or at,
        "lastChange": {
            "kind": ChangeKind.FOREIGN_CHANGE.value,
            "actorId": None,
            "at": at,
            "requestId": None,
            "repair": entry,
        },
    }
    for field, value in wanted.items():
        if value is None:
            document.pop(field, None)
        else:
            document[field] = value
    if not plan.team.has_sound_marks:
        document.pop("creation", None)
        document.pop("requests", None)
    document.setdefault("creation", {"actorId": None})
    return bson.encode(document)


def now() -> datetime:
    """The current time, truncated to BSON's milliseconds."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
