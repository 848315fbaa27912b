"""Repaired values of single fields, one function each; `repair_plan.py` combines them.

Each is idempotent, so a repeated repair ends.
"""

import re
import unicodedata
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from app.doctor.rules.stored_team import (
    ABSENT,
    Absent,
    Foreign,
    StoredTeam,
    StoredValue,
    as_text,
    whole_number,
)
from app.domain.ids import TeamId, Version, is_well_formed_id
from app.domain.teams import MAX_CAPACITY, MAX_NAME_LENGTH, is_valid_name

OBJECT_ID: Final = "ObjectId"

# The largest value of GraphQL's Int; a greater version could not be returned to clients.
MAX_NUMBER: Final = 2**31 - 1

_SPELLS_OBJECT_ID = re.compile("[0-9a-f]{24}")


def team_id_of(team: StoredTeam) -> tuple[TeamId, bool]:
    """The team's id in the service, and whether it is the document's own.

    The service supports ObjectIds, and well-formed strings that can't be parsed as one. Integers
    and UUIDs become strings, anything else a digest of itself.
    """
    text = as_text(team.id)
    if isinstance(team.id, Foreign) and team.id.kind == OBJECT_ID and text is not None:
        return TeamId(text), True
    usable = text is not None and is_well_formed_id(text) and not _SPELLS_OBJECT_ID.fullmatch(text)
    if isinstance(team.id, str):
        usable = usable and text == team.id
    if usable and text is not None:
        return TeamId(text), isinstance(team.id, str)
    return digest_id_of(team), False


def digest_id_of(team: StoredTeam) -> TeamId:
    """An id derived from the document's own, if that has no valid string or the string is taken."""
    return TeamId(f"team-{sha256(team.key).hexdigest()[:24]}")


def name_of(stored: StoredValue, team_id: TeamId) -> str:
    """A valid name: the stored one, normalized if necessary, else one derived from the id."""
    text = stored if isinstance(stored, str) else as_text(stored) or ""
    if text == text.strip() and is_valid_name(text):
        return text
    spaced = "".join(
        " " if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} else character
        for character in text
    )
    normalized = " ".join(spaced.split())[:MAX_NAME_LENGTH].strip()
    return normalized if is_valid_name(normalized) else f"Team {team_id}"[:MAX_NAME_LENGTH]


def version_of(stored: StoredValue) -> Version | None:
    """The stored version if valid, else None."""
    if isinstance(stored, int) and not isinstance(stored, bool) and 1 <= stored < MAX_NUMBER:
        return Version(stored)
    return None


def capacity_of(stored: StoredValue) -> int | Absent:
    """The stored capacity as an integer of 1 or more, else ABSENT.

    One above `MAX_CAPACITY` is valid: a repair sets it if a team has more members than that.
    """
    number = whole_number(stored)
    if number is None or number < 1:
        return ABSENT
    return number if number <= MAX_NUMBER else MAX_CAPACITY


def is_time(stored: StoredValue) -> bool:
    """True if a stored time is valid."""
    return stored is ABSENT or isinstance(stored, datetime)


def created_at_of(team: StoredTeam) -> datetime | None:
    """Creation time: the stored one, else that of the ObjectId; None if unknown."""
    return _read_time(team.created_at) or team.made_at


def deleted_at_of(stored: StoredValue) -> datetime | Absent | None:
    """ABSENT for a live team (absent, null, false, 0); None if deleted at an unknown time."""
    if stored in (ABSENT, None) or stored is False or stored == 0:
        return ABSENT
    return _read_time(stored)


def _read_time(stored: StoredValue) -> datetime | None:
    """Parse a date or an ISO 8601 string; without a zone, it is UTC."""
    if isinstance(stored, datetime):
        return stored
    if not isinstance(stored, str):
        return None
    try:
        read = datetime.fromisoformat(stored.strip())
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return read.replace(microsecond=read.microsecond // 1000 * 1000)
