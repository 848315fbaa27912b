"""Documents read as they came, so that a value that can't be decoded spoils nothing beside it."""

from collections.abc import Iterable, Iterator
from typing import Any

from bson import CodecOptions, decode
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument, tz_aware=True)

_DOCUMENT, _ARRAY, _REGEX = 0x03, 0x04, 0x0B
_EMPTY = {0x06: 0, 0x0A: 0, 0x7F: 0, 0xFF: 0}
_FIXED = {**_EMPTY, 0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
# These begin with a length, to which so much is to be added.
_MEASURED = {0x02: 4, 0x0D: 4, 0x0E: 4, _DOCUMENT: 0, _ARRAY: 0, 0x0F: 0, 0x05: 5, 0x0C: 16}


def decoded(document: RawBSONDocument, options: CodecOptions[Any]) -> dict[str, Any]:
    """A document as a dict; a value in it that can't be decoded is its bytes, as any odd type."""
    try:
        return decode(document.raw, options)
    except BSONError:
        return dict(_salvaged(bytes(document.raw), options))


def all_decoded(documents: Iterable[Any], options: CodecOptions[Any]) -> list[dict[str, Any]]:
    """Each of what was read with `RAW`, `decoded`."""
    return [decoded(document, options) for document in documents]


def _salvaged(raw: bytes, options: CodecOptions[Any]) -> Iterator[tuple[str, Any]]:
    for kind, name, value in elements(raw):
        element = bytes([kind]) + b"\0" + value
        try:
            whole = (len(element) + 5).to_bytes(4, "little") + element + b"\0"
            yield name, decode(whole, options)[""]
        except BSONError:
            if kind in {_DOCUMENT, _ARRAY}:
                inner = dict(_salvaged(value, options))
                yield name, list(inner.values()) if kind == _ARRAY else inner
            else:
                yield name, value


def elements(raw: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Type, name and bytes of each value; the database has checked the lengths."""
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
