"""A team document written by any program; only its id is certain to exist.

Storage translates stored values into these; `repair_plan.py` decides the result of a repair.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final, NewType

# Identifies a document in its collection, whatever the type of its id.
TeamKey = NewType("TeamKey", bytes)


class Absent(Enum):
    """The type of `ABSENT`, a missing field, as opposed to null."""

    TOKEN = auto()


ABSENT: Final = Absent.TOKEN


@dataclass(frozen=True, slots=True)
class Foreign:
    """A stored value of an unsupported type.

    `text` is its string form if that is unambiguous (ObjectId, UUID), else None. `shown` is for
    messages.
    """

    kind: str
    shown: str
    text: str | None = None


StoredValue = str | int | float | datetime | Foreign | Absent | None


@dataclass(frozen=True, slots=True)
class StoredTeam:
    """One document of the collection.

    `stored` is the BSON document. `user_ids` is a tuple if the document holds an array. `made_at`
    is the time in an ObjectId. If `is_too_large`, only the key and the id have been read.
    """

    key: TeamKey
    stored: bytes
    id: StoredValue
    name: StoredValue = ABSENT
    user_ids: "tuple[StoredValue, ...] | StoredValue" = ABSENT
    version: StoredValue = ABSENT
    capacity: StoredValue = ABSENT
    created_at: StoredValue = ABSENT
    updated_at: StoredValue = ABSENT
    deleted_at: StoredValue = ABSENT
    made_at: datetime | None = None
    has_sound_marks: bool = True
    is_too_large: bool = False


def show(value: StoredValue) -> str:
    """Format a stored value for a message, truncated to a line."""
    if isinstance(value, Foreign):
        shown = f"{value.kind} {value.shown}"
    elif isinstance(value, datetime):
        shown = value.isoformat()
    elif value is ABSENT:
        shown = "absent"
    elif value is None:
        shown = "null"
    else:
        shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def whole_number(value: StoredValue) -> int | None:
    """The value as an integer, whatever its numeric type; None if it is not integral.

    JavaScript stores every number as a float, so 3.0 is a 3.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def as_text(value: StoredValue) -> str | None:
    """The value as an id: stripped string, digits of an integer, ObjectId, UUID; else None."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Foreign):
        return value.text
    if isinstance(value, int | float) and (number := whole_number(value)) is not None:
        return str(number)
    return None
