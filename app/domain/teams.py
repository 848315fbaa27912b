"""A team: a snapshot of one document at one version."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from app.domain.faults import TeamDamaged
from app.domain.ids import TeamId, Version

MAX_NAME_LENGTH = 100
MAX_CAPACITY = 10_000

# The users that one request may add.
MAX_USERS_ADDED = 100

# Unicode categories that a one-line name must not contain: control characters, lone surrogates
# (no UTF-8, so no BSON) and line and paragraph separators. Format characters (Cf) stay, since
# emoji and several scripts are joined with them.
_FORBIDDEN_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They change the direction of the text around them.
_BIDI_CONTROLS = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


@dataclass(frozen=True, slots=True)
class Team:
    """One version of one team, without its members.

    `capacity` is the team's own; `limit` is the effective one, the service's default if the team
    has none. `member_count` is None if it was not requested: counting reads the whole array. The
    times are None if an external writer left them missing or unreadable.
    """

    id: TeamId
    name: str
    version: Version
    capacity: int | None
    limit: int
    created_at: datetime | None
    updated_at: datetime | None
    member_count: int | None = None


# One damaged team must not hide the others: its fault takes its place.
FoundTeam = Team | TeamDamaged


def is_valid_name(name: str) -> bool:
    """True if `name`, already trimmed, is 1 to 100 characters with none of them forbidden."""
    return 1 <= len(name) <= MAX_NAME_LENGTH and not any(
        unicodedata.category(character) in _FORBIDDEN_IN_NAMES for character in name
    )


def quoted(name: str) -> str:
    """A name or an id, quoted for use in a sentence without disturbing its layout.

    Right-to-left text is isolated, so that the text after it keeps its direction.
    """
    shown = "".join(
        " " if unicodedata.category(character) in _FORBIDDEN_IN_NAMES else character
        for character in name.translate(_BIDI_CONTROLS)
    )
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in shown):
        shown = f"\u2068{shown}\u2069"
    return f"“{shown}”"
