"""The form of a document in `team_changes`: how it is read, and made.

position         1, 2, 3, … over all teams, in the order of recording
teamId, version  unique together
kind, at, actorId, userId, name, capacity, requestId, input, otherTeamId, fromVersion
commitTime       when the change was committed
readAt           instead of it where history was lost: when the team was read

What a write says about itself may be another program's words, and so may a document of the log be
an older or newer release's. Of both, known fields alone are taken, each only with its own type.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from app.domain.changes import Change, ChangeKind
from app.domain.ids import MAX_ID_LENGTH, CommitTime, TeamId, Version
from app.domain.teams import MAX_CAPACITY, is_valid_name
from app.storage.documents import Document, is_int, is_text

logger = logging.getLogger(__name__)

_KINDS = frozenset(kind.value for kind in ChangeKind) - {"Unreadable"}

# What a write can say of itself; the other kinds are the log's own words.
_TOLD_KINDS = _KINDS - {"ForeignChange", "HistoryGap"}


def _is_id(value: object) -> bool:
    return is_text(value) and 0 < len(value) <= MAX_ID_LENGTH


_DETAILS: Mapping[str, Callable[[Any], bool]] = {
    "actorId": _is_id,
    "userId": _is_id,
    "name": lambda value: is_text(value) and is_valid_name(value),
    "capacity": lambda value: is_int(value) and 1 <= value <= MAX_CAPACITY,
    "requestId": _is_id,
    "input": _is_id,
    "otherTeamId": _is_id,
}
_NEEDED = {
    "TeamCreated": "name",
    "TeamRenamed": "name",
    "UserJoinedTeam": "userId",
    "UserLeftTeam": "userId",
}


def _told(said: object, kinds: frozenset[str]) -> dict[str, Any] | None:
    """The known fields of a description; None if one has another type, or too little is said."""
    if not isinstance(said, Mapping):
        return None
    kind, at = said.get("kind"), said.get("at")
    if not is_text(kind) or kind not in kinds or not isinstance(at, datetime):
        return None
    told = {"kind": kind, "at": at}
    for field, is_right in _DETAILS.items():
        if (value := said.get(field)) is not None:
            if not is_right(value):
                return None
            told[field] = value
    return told if _NEEDED.get(kind, "kind") in told else None


def describe_change(
    team_id: str, version: int, last_change: object, *, at: datetime
) -> dict[str, Any]:
    """A document of the log, but for its position, out of what a write said about itself.

    What says nothing, or nothing that we know, is another program's.
    """
    told = _told(last_change, _TOLD_KINDS) or {"kind": "ForeignChange", "at": at}
    return {**told, "teamId": team_id, "version": version}


def describe_gap(team_id: str, from_version: int, to_version: int) -> dict[str, Any]:
    """A document of the log for versions of which nothing is known any more."""
    return {
        "teamId": team_id,
        "version": to_version,
        "fromVersion": from_version,
        "kind": ChangeKind.HISTORY_GAP.value,
        "at": datetime.now(UTC),
    }


def read_change(document: Document) -> Change:
    """The change in a document of the log.

    One of a kind that this release does not know, or with an odd field, reads as a `FOREIGN_CHANGE`
    of its version; without a team or a version as `UNREADABLE`.
    """
    position, team_id, version = (document.get(key) for key in ("position", "teamId", "version"))
    told = _told(document, _KINDS)
    at = document.get("at")
    if told is None:
        _warn_of(repr(document.get("_id"))[:100])
        told = {"kind": "ForeignChange", "at": at if isinstance(at, datetime) else _EPOCH}
    if not (is_text(team_id) and is_int(version)):
        team_id, version, told = "", 0, {"kind": "Unreadable", "at": _EPOCH}
    from_version, commit_time = document.get("fromVersion"), document.get("commitTime")
    return Change(
        position=position if is_int(position) else 0,
        team_id=TeamId(team_id),
        version=Version(version),
        kind=ChangeKind(told["kind"]),
        at=told["at"],
        actor_id=told.get("actorId"),
        user_id=told.get("userId"),
        name=told.get("name"),
        capacity=told.get("capacity"),
        request_id=told.get("requestId"),
        other_team_id=told.get("otherTeamId"),
        from_version=Version(from_version) if _begins(from_version, version) else None,
        commit_time=CommitTime(commit_time) if is_int(commit_time) else None,
    )


def _begins(from_version: object, version: int) -> TypeGuard[int]:
    return is_int(from_version) and 0 < from_version <= version


_EPOCH = datetime.fromtimestamp(0, UTC)


@lru_cache(maxsize=1_000)
def _warn_of(document_id: str) -> None:
    """Warns once of each document."""
    logger.warning("The change log's document %s is none that this release knows.", document_id)
