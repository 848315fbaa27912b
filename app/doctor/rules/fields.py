"""Repaired values of single fields, one function each; `repair_plan.py` combines them.

Each is stable: what it answers is its own answer again, so a repair that is repeated ends.
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

# The largest number that GraphQL's Int carries: a version beyond it could be told to nobody.
MAX_NUMBER: Final = 2**31 - 1

_SPELLS_OBJECT_ID = re.compile("[0-9a-f]{24}")


def team_id_of(team: StoredTeam) -> tuple[TeamId, bool]:
    """The id that the service will know the team by, and whether the document keeps its own.

    The service finds a team by an ObjectId, or by a string that is well formed and does not spell
    one. Whole numbers and UUIDs become the text they spell, anything else a digest of itself.
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
    """An id made of the document's own, for one that spells none or whose text is taken."""
    return TeamId(f"team-{sha256(team.key).hexdigest()[:24]}")


def name_of(stored: StoredValue, team_id: TeamId) -> str:
    """A valid name: the stored one, tidied up if need be, else one made of the id."""
    text = stored if isinstance(stored, str) else as_text(stored) or ""
    if text == text.strip() and is_valid_name(text):
        return text
    spaced = "".join(
        " " if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} else character
        for character in text
    )
    tidied = " ".join(spaced.split())[:MAX_NAME_LENGTH].strip()
    return tidied if is_valid_name(tidied) else f"Team {team_id}"[:MAX_NAME_LENGTH]


def version_of(stored: StoredValue) -> Version | None:
    """The stored version, where it can go on from there."""
    if isinstance(stored, int) and not isinstance(stored, bool) and 1 <= stored < MAX_NUMBER:
        return Version(stored)
    return None


def capacity_of(stored: StoredValue) -> int | Absent:
    """A capacity of 1 or more; none where nothing can be made of it.

    One beyond `MAX_CAPACITY` stays: a repair sets it where a team has more members than that.
    """
    number = whole_number(stored)
    if number is None or number < 1:
        return ABSENT
    return number if number <= MAX_NUMBER else MAX_CAPACITY


def is_time(stored: StoredValue) -> bool:
    """Whether a time may stay as it is stored."""
    return stored is ABSENT or isinstance(stored, datetime)


def created_at_of(team: StoredTeam) -> datetime | None:
    """When the team was made, as far as that can be known; None rather than something invented."""
    return _read_time(team.created_at) or team.made_at


def deleted_at_of(stored: StoredValue) -> datetime | Absent | None:
    """ABSENT for a live team: that is what nothing, null, false and 0 mean. None: at some time."""
    if stored in (ABSENT, None) or stored is False or stored == 0:
        return ABSENT
    return _read_time(stored)


def _read_time(stored: StoredValue) -> datetime | None:
    """A date, or a text that spells one; a text without a zone counts as UTC."""
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
