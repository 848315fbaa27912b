"""Values of every type that another program may have put anywhere."""

import struct
from datetime import UTC, datetime
from typing import Any

from bson import Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

FAR = DatetimeMS(8_640_000_000_000_000)
NOW = datetime(2026, 5, 4, tzinfo=UTC)
JOINED = {"kind": "UserJoinedTeam", "userId": "sue", "at": NOW}


def _document(type_code: int, payload: bytes) -> RawBSONDocument:
    body = bytes([type_code]) + b"odd\0" + payload
    return RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0")


# The length inside a binary of the old subtype is wrong: the driver can't decode this one.
UNDECODABLE = _document(5, struct.pack("<i", 3) + b"\x02abc")

ODD_VALUES: list[Any] = [
    FAR, DatetimeMS(-(2**62)), None, True, 7, -1, 2.5, float("nan"), Int64(2**62), "", "x", b"\0",
    "y" * 20_000, [], [1], {}, {"a": 1}, {"$foo": 1}, {"$ref": "a", "$id": 1}, "$name", "\0",
    Decimal128("NaN"), MinKey(), MaxKey(), Regex("("), Timestamp(1, 1), ObjectId(), DBRef("a", 1),
    Code("f()"), UNDECODABLE, _document(2, struct.pack("<i", 3) + b"\xff\xfe\0"), NOW,
    Int64(2**31), Int64(2**63 - 1), _document(14, struct.pack("<i", 2) + b"s\0"), _document(6, b""),
    _document(12, struct.pack("<i", 2) + b"x\0" + b"\1" * 12),
]  # fmt: skip
