"""The form of a document in `teams`, and its projections.

_id              ObjectId; a string if an external writer created the team
name             string
userIds          array of distinct strings
version          integer, 1 when created
capacity         integer; absent if the service's default applies
createdAt, updatedAt, deletedAt
creation         the creator: actorId, and the request: requestId, input
lastChange       the description of the last write: kind, userId, actorId, at, requestId, ...
requests         marks of the last requests that changed the team: id, actorId, input, otherTeamId
"""

from datetime import datetime
from typing import Any

from bson import ObjectId

from app.domain.changes import Attribution, ChangeKind
from app.domain.faults import TeamDamaged
from app.domain.ids import LAST_VERSION, MAX_ID_LENGTH, TeamId, UserId, Version
from app.domain.teams import MAX_NAME_LENGTH, FoundTeam, Team
from app.storage.documents import Document, is_int, is_text, read_team_id, stored_team_id
from app.storage.requests import request_mark, stored_input

LIVE: Document = {"deletedAt": None}

_NUMBER_TYPES, _TIME_TYPES = ["int", "long"], ["date"]

# Longer names, of external writers, are not read; the service's own have at most 400 bytes.
_MAX_NAME_BYTES = 10_000


def _typed(field: str, types: list[str]) -> Document:
    """A field's value if it has one of these types, else the name of its type."""
    type_: Document = {"$type": f"${field}"}
    return {"$cond": [{"$in": [type_, types]}, f"${field}", type_]}


_IS_TEXT: Document = {"$eq": [{"$type": "$name"}, "string"]}
_IS_SHORT: Document = {"$lte": [{"$strLenBytes": "$name"}, _MAX_NAME_BYTES]}

# The users that the unique index has as members, whatever the type of `userIds`.
MEMBERS: Document = {
    "$cond": [
        {"$isArray": "$userIds"},
        "$userIds",
        {"$cond": [{"$eq": [{"$type": "$userIds"}, "string"]}, ["$userIds"], []]},
    ]
}
MEMBER_COUNT: Document = {"$size": MEMBERS}

_TEAM_FIELDS: Document = {
    "name": {"$cond": [_IS_TEXT, {"$cond": [_IS_SHORT, "$name", None]}, None]},
    "version": _typed("version", _NUMBER_TYPES),
    "capacity": _typed("capacity", _NUMBER_TYPES),
    "createdAt": _typed("createdAt", _TIME_TYPES),
    "updatedAt": _typed("updatedAt", _TIME_TYPES),
}
_WITH_MEMBER_COUNT: Document = {**_TEAM_FIELDS, "memberCount": MEMBER_COUNT}

WRITTEN_FIELDS: Document = {
    **dict.fromkeys(_TEAM_FIELDS, 1),
    "memberCount": {"$size": "$userIds"},
}
"""`team_fields` after a write, when the validator has checked the types.

Checking each field's type would take a tenth of the database's work for a write. The count takes
up to 5 % of it, with 10,000 members.
"""


def team_fields(*, with_member_count: bool) -> Document:
    """The projection that `read_team` needs: small fields and the array's size, never the array.

    The count is requested only where it is selected, since the server walks the array for it.
    """
    return _WITH_MEMBER_COUNT if with_member_count else _TEAM_FIELDS


def read_team(document: Document, default_capacity: int) -> Team:
    """The team in a document that was read with `team_fields`, whatever an external writer stored.

    An optional field of an unexpected type counts as absent. *Raises*: `TeamDamaged` for an
    unusable id or version.
    """
    team_id = read_team_id(document)
    if not _is_usable_id(document["_id"]):
        raise TeamDamaged("A team has an id that can't be used.")
    name, capacity = document.get("name"), document.get("capacity")
    capacity = max(-LAST_VERSION, min(capacity, LAST_VERSION)) if is_int(capacity) else None
    return Team(
        id=team_id,
        name=_shortened(name) if is_text(name) and name else f"Team {team_id}",
        version=read_version(document),
        capacity=capacity,
        limit=default_capacity if capacity is None else capacity,
        created_at=_read_time(document, "createdAt") or _id_time(document["_id"]),
        updated_at=_read_time(document, "updatedAt"),
        member_count=_member_count(document),
    )


def _member_count(document: Document) -> int | None:
    """The number of members, if it was asked for.

    A write that the driver sends again, after a lost answer or an election, is answered with the
    whole document instead of its projection. A later count would be that of a later version.
    """
    if "memberCount" not in document and isinstance(members := document.get("userIds"), list):
        return len(members)
    return document.get("memberCount")


def read_version(document: Document) -> Version:
    """The version of a team. *Raises*: `TeamDamaged` if it is unusable."""
    version = document.get("version")
    if is_int(version) and 1 <= version <= LAST_VERSION:
        return Version(version)
    raise TeamDamaged(f"Team {read_team_id(document)} has an unusable version.")


def read_team_or_fault(document: Document, default_capacity: int) -> FoundTeam:
    """`read_team`, but the fault is returned: one damaged team must not hide the others."""
    try:
        return read_team(document, default_capacity)
    except TeamDamaged as damaged:
        return damaged


def _is_usable_id(stored: object) -> bool:
    if is_text(stored):
        return 1 <= len(stored) <= MAX_ID_LENGTH and stored_team_id(TeamId(stored)) == stored
    return isinstance(stored, ObjectId)


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def _read_time(document: Document, field: str) -> datetime | None:
    """The time, or None if Python's type can't hold it."""
    time = document.get(field)
    return time if isinstance(time, datetime) else None


def _id_time(stored_id: object) -> datetime | None:
    return stored_id.generation_time if isinstance(stored_id, ObjectId) else None


def new_team(*, name: str, capacity: int | None, by: Attribution) -> dict[str, Any]:
    """The document of a team at version 1."""
    document = {
        "_id": ObjectId(),
        "name": name,
        "userIds": [],
        "version": 1,
        "createdAt": by.at,
        "updatedAt": by.at,
        "creation": {"actorId": by.actor_id},
        "lastChange": last_change(ChangeKind.TEAM_CREATED, by, name=name, capacity=capacity),
    }
    if capacity is not None:
        document["capacity"] = capacity
    if by.request_id is not None:
        document["creation"] = request_mark(by, id_field="requestId")
    return document


def last_change(kind: ChangeKind, by: Attribution, **details: object) -> dict[str, Any]:
    """The description of a write, set as a whole, so that the change stream has all of it."""
    change = {
        "kind": kind.value,
        **details,
        "actorId": by.actor_id,
        "at": by.at,
        "requestId": by.request_id,
    }
    if by.request_id is not None:
        change["input"] = stored_input(by)
    return change


def read_user_ids(document: Document, field: str = "userIds") -> tuple[UserId, ...]:
    """The user ids in a field of a document; "?" for a member that is no usable id."""
    return tuple(_read_user_id(value) for value in document[field])


def _read_user_id(value: object) -> UserId:
    if isinstance(value, ObjectId) or is_int(value):
        value = str(value)
    return UserId(value[:MAX_ID_LENGTH]) if is_text(value) and value else UserId("?")
