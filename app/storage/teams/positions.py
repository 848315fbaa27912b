"""Positions in a list of teams, and the filters for the teams after one.

A sort orders values of all types, but a comparison in a filter matches its own type only. Hence
`$expr`, which compares in the order of a sort; the planner finds the index range for it, too.

Teams whose key has no single place in the order are listed apart, by id, after all others.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson import Int64, ObjectId
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from app.domain.faults import PlaceLost
from app.domain.pages import TeamPosition
from app.storage.documents import DECODED, RAW, Document, elements, read_team_id, stored_team_id
from app.storage.indexes import UNORDERED

# Longer ids are not read; a cursor finds them by their hash.
_MAX_ID_BYTES = 2_000

# Longer names would make the cursor longer than the service accepts.
_MAX_KEY_LENGTH = 500

_IS_LONG: Document = {"$gt": [{"$bsonSize": {"_id": "$_id"}}, _MAX_ID_BYTES]}
_ID_HASH: Document = {"$toHashedIndexKey": "$_id"}
PLACE_FIELDS: Document = {
    "_id": {"$cond": [_IS_LONG, None, "$_id"]},
    "idHash": {"$cond": [_IS_LONG, _ID_HASH, "$$REMOVE"]},
}
"""The projection that `read_position` needs, beside the fields of the team."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The filter for the teams after a position, in its part of the list."""

    beyond: Document
    is_apart: bool


def part(key: str, *, is_apart: bool) -> Document:
    """The filter for a part of the list: the ordered teams, or those apart."""
    return {key: {"$type": UNORDERED} if is_apart else {"$not": {"$type": UNORDERED}}}


def read_position(document: Document, raw: RawBSONDocument, key: str) -> TeamPosition:
    """The position of a document that was read with `team_fields` and `PLACE_FIELDS`."""
    team_id, stored_id, value = read_team_id(document), document["_id"], document.get(key)
    if id_hash := document.get("idHash"):
        return TeamPosition(None, team_id, bson.encode({"hash": id_hash}))
    if key == "name":
        is_known = (
            isinstance(value, str) and len(value) <= _MAX_KEY_LENGTH and "\ufffd" not in value
        )
    else:
        value = None if value in ("null", "missing") else value
        is_known = value is None or isinstance(value, datetime)
    if is_known and len(team_id) <= _MAX_KEY_LENGTH and stored_team_id(team_id) == stored_id:
        return TeamPosition(value, team_id)
    stored = _only(raw, "_id", named="_id")
    return TeamPosition(None, team_id, bytes(stored.raw) if stored else b"")


def finding(position: bytes) -> Document:
    """The filter for the team of a stored position. *Raises*: `PlaceLost` for invalid bytes."""
    try:
        match bson.decode(position, DECODED):
            case {"hash": int(id_hash), **rest} if not rest:
                return {"$expr": {"$and": [_IS_LONG, {"$eq": [_ID_HASH, Int64(id_hash)]}]}}
            case {"_id": _, **rest} if not rest:
                return {"_id": _only(RawBSONDocument(position, RAW), "_id", named="$eq")}
    except BSONError:
        pass
    raise PlaceLost("A cursor names no team.")


def beyond(key: str, value: object, stored_id: ObjectId | str, *, descending: bool) -> Document:
    """The filter for the teams after a position: an index range, without ties up to the id.

    A missing key sorts like null, but compares as less.
    """
    ties = _compare("_id", stored_id, "$lt" if descending else "$gt")
    if value is None and not descending:
        return {"$or": [_compare(key, None, "$gt"), {key: None, **ties}]}
    within = _compare(key, value, "$lte" if descending else "$gte")
    return {**within, "$or": [{key: {"$ne": value}}, ties]}


def beyond_stored(key: str, found: RawBSONDocument, *, descending: bool, from_back: bool) -> Bound:
    """The same for a key or an id of any type and size, compared as stored.

    *Limits*: scans the index from its end. Key and id are in the filter only once, since a document
    may be as large as a command.
    """
    place_id = _only(found, "_id", named="$literal")
    place = _only(found, key, named="$literal")
    if place is not None and place.raw[4] in _UNORDERED_TYPES:
        return Bound({"$expr": {"$lt" if from_back else "$gt": ["$_id", place_id]}}, is_apart=True)
    operator = "$lt" if descending else "$gt"
    own = {"$ifNull": [f"${key}", None]}
    comparison = {
        "$or": [
            {operator: [own, "$$place"]},
            {"$and": [{"$eq": [own, "$$place"]}, {operator: ["$_id", place_id]}]},
        ]
    }
    beyond = {"$expr": {"$let": {"vars": {"place": place}, "in": comparison}}}
    return Bound(beyond, is_apart=False)


def _compare(field: str, value: object, operator: str) -> dict[str, Any]:
    return {"$expr": {operator: [f"${field}", {"$literal": value}]}}


_UNORDERED_TYPES = {4, 6}


def _only(document: RawBSONDocument, field: str, *, named: str) -> RawBSONDocument | None:
    """A document with one field, renamed, and the field's original bytes.

    Some values could not be encoded again after decoding.
    """
    for kind, name, value in elements(bytes(document.raw)):
        if name == field:
            body = bytes([kind]) + named.encode() + b"\0" + value
            return RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0", RAW)
    return None
