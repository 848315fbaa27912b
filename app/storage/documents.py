"""Shared forms of stored documents: decoding, types of fields, team ids, commit times.

An external writer may store a value of any type. Each document is therefore read raw and decoded
by itself, and each field is used only if it has the type that it needs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from bson import Code, CodecOptions, ObjectId, Timestamp, decode
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection

from app.domain.ids import MAX_VERSION, CommitTime, TeamId

Document = Mapping[str, Any]

# Values of external writers must be readable: a date out of Python's range becomes a `DatetimeMS`,
# and invalid UTF-8 becomes U+FFFD.
DECODED: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)
RAW: CodecOptions[RawBSONDocument] = DECODED.with_options(document_class=RawBSONDocument)

# Versions in the change log that are ours; external writers may have stored others.
RECORDED_VERSION: Document = {"$type": ["int", "long"], "$lt": MAX_VERSION}

_OBJECT_ID = re.compile("[0-9a-f]{24}")


def is_int(value: object) -> TypeGuard[int]:
    """True for an integer, and not for a boolean, which Python counts as one."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: object) -> TypeGuard[str]:
    """True for a string, and not for BSON code, which the driver reads as one."""
    return isinstance(value, str) and not isinstance(value, Code)


def stored_team_id(team_id: TeamId) -> ObjectId | str:
    """The `_id` of a team: an ObjectId if the id spells one in lower case, else the string itself.

    An id in upper case would find the same document under an id that is not the team's.
    """
    return ObjectId(team_id) if _OBJECT_ID.fullmatch(team_id) else team_id


def read_team_id(document: Document) -> TeamId:
    """The team id of a document in `teams`."""
    return TeamId(str(document["_id"]))


def read_commit_time(timestamp: Timestamp) -> CommitTime:
    """A cluster timestamp as one number."""
    return CommitTime(timestamp.time << 32 | timestamp.inc)


async def find_at_a_moment(
    collection: AsyncCollection[dict[str, Any]], filters: Document, fields: Document, **more: object
) -> tuple[list[dict[str, Any]], CommitTime]:
    """The documents of a snapshot and its time, which the driver's `find` does not report."""
    command = {"find": collection.name, "filter": filters, "projection": fields, **more}
    command["readConcern"] = {"level": "snapshot"}
    answer = await collection.database.command(command, codec_options=RAW)
    cursor = answer["cursor"]
    return all_decoded(cursor["firstBatch"]), read_commit_time(cursor["atClusterTime"])


_DOCUMENT, _ARRAY, _REGEX = 0x03, 0x04, 0x0B
_EMPTY = {0x06: 0, 0x0A: 0, 0x7F: 0, 0xFF: 0}
_FIXED = {**_EMPTY, 0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
# Types whose value begins with its length, and the bytes to add to that length.
_MEASURED = {0x02: 4, 0x0D: 4, 0x0E: 4, _DOCUMENT: 0, _ARRAY: 0, 0x0F: 0, 0x05: 5, 0x0C: 16}


def all_decoded(documents: Iterable[Any]) -> list[dict[str, Any]]:
    """Documents that were read with `RAW`, as dicts; a value that can't be decoded is its bytes."""
    return [_decoded(document) for document in documents]


def _decoded(document: RawBSONDocument) -> dict[str, Any]:
    try:
        return decode(document.raw, DECODED)
    except BSONError:
        return dict(_salvaged(bytes(document.raw)))


def _salvaged(raw: bytes) -> Iterator[tuple[str, Any]]:
    for kind, name, value in elements(raw):
        element = bytes([kind]) + b"\0" + value
        try:
            whole = (len(element) + 5).to_bytes(4, "little") + element + b"\0"
            yield name, decode(whole, DECODED)[""]
        except BSONError:
            if kind in {_DOCUMENT, _ARRAY}:
                inner = dict(_salvaged(value))
                yield name, list(inner.values()) if kind == _ARRAY else inner
            else:
                yield name, value


def elements(raw: bytes) -> Iterator[tuple[int, str, bytes]]:
    """The type, name and bytes of each value. The database has checked the lengths."""
    at = 4
    while kind := raw[at]:
        begin = raw.index(0, at + 1) + 1
        name = raw[at + 1 : begin - 1].decode(errors="replace")
        if kind == _REGEX:
            at = raw.index(0, raw.index(0, begin) + 1) + 1
        elif kind in _FIXED:
            at = begin + _FIXED[kind]
        else:
            at = begin + _MEASURED[kind] + int.from_bytes(raw[begin : begin + 4], "little")
        yield kind, name, raw[begin:at]
