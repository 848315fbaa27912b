"""Positions in a list of teams, and the filters for what comes after one.

MongoDB sorts values of all types. A comparison in a filter sees its own type only, so `$expr` is
used, which knows the order that a sort has; the planner finds the range of the index for it, too.
"""

import struct
from datetime import datetime
from typing import Any

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from app.domain.faults import PlaceLost
from app.domain.pages import TeamPosition
from app.storage.documents import Document, read_team_id, stored_team_id

# A sort puts an array where its least or its greatest element stands, so it has no one place; an
# undefined value sorts apart from null and compares as null.
_UNORDERED = ["array", "undefined"]

# Old types that the driver reads as others: nobody could ask for such an id again.
_UNREADABLE = ["symbol", "dbPointer"]
_MAX_ID_BYTES = 2_000

# Longer names make a cursor longer than the service takes.
_MAX_KEY_LENGTH = 500


RAW_KEYS: CodecOptions[RawBSONDocument] = CodecOptions(
    RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def listed(key: str) -> Document:
    """The filter for documents that have a place in the order, and an id that a cursor can hold."""
    size = {"$bsonSize": {"_id": "$_id"}}
    return {
        key: {"$not": {"$type": _UNORDERED}},
        "_id": {"$not": {"$type": _UNREADABLE}},
        "$expr": {"$lte": [size, _MAX_ID_BYTES]},
    }


def read_position(document: Document, key: str) -> TeamPosition:
    """The position of a document that was read with `team_fields`."""
    team_id, stored_id, value = read_team_id(document), document["_id"], document.get(key)
    if key == "name":
        is_known = (
            isinstance(value, str) and len(value) <= _MAX_KEY_LENGTH and "\ufffd" not in value
        )
    else:
        value = None if value in ("null", "missing") else value
        is_known = value is None or isinstance(value, datetime)
    if is_known and len(team_id) <= _MAX_KEY_LENGTH and stored_team_id(team_id) == stored_id:
        return TeamPosition(value, team_id)
    return TeamPosition(None, team_id, bson.encode({"_id": stored_id}))


def read_stored_id(encoded: bytes) -> Any:  # noqa: ANN401 - another program's, of any type
    """The `_id` in a position. *Raises*: `PlaceLost` for what is none."""
    try:
        return bson.decode(encoded, _IDS)["_id"]
    except (BSONError, KeyError):
        raise PlaceLost("A cursor names no team.") from None


def beyond(key: str, value: object, stored_id: ObjectId | str, *, descending: bool) -> Document:
    """The filter for what comes after a position: a range of the index, its first ties cut by id.

    A missing key sorts as null does, and compares as less.
    """
    ties = _compare("_id", stored_id, "$lt" if descending else "$gt")
    if value is None and not descending:
        return {"$or": [_compare(key, None, "$gt"), {key: None, **ties}]}
    within = _compare(key, value, "$lte" if descending else "$gte")
    return {**within, "$or": [{key: {"$ne": value}}, ties]}


def beyond_stored(key: str, found: Document, stored_id: object, *, descending: bool) -> Document:
    """The same for a key of any type and size, which is compared as it is stored.

    *Limits*: walks the index from its end. The key stands in the filter once, since a document may
    be as large as a command.
    """
    operator = "$lt" if descending else "$gt"
    own = {"$ifNull": [f"${key}", None]}
    comparison = {
        "$or": [
            {operator: [own, "$$place"]},
            {"$and": [{"$eq": [own, "$$place"]}, _id_comparison(operator, stored_id)]},
        ]
    }
    return {"$expr": {"$let": {"vars": {"place": _literal(found, key)}, "in": comparison}}}


def _compare(field: str, value: object, operator: str) -> dict[str, Any]:
    return {"$expr": {operator: [f"${field}", {"$literal": value}]}}


def _id_comparison(operator: str, stored_id: object) -> Document:
    return {operator: ["$_id", {"$literal": stored_id}]}


def _literal(found: Document, key: str) -> Document | None:
    """`{$literal: value}` with the value's very bytes: decoded, some could not be written again."""
    element = bson.encode(found)[4:-1]
    if not element:
        return None
    value = element[len(key) + 2 :]
    renamed = element[:1] + b"$literal\0" + value
    return RawBSONDocument(struct.pack("<i", len(renamed) + 5) + renamed + b"\0", RAW_KEYS)


_IDS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
