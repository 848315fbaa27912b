"""The form of a document in `team_changes`.

position         1, 2, 3, … over all teams, in the order of recording
teamId, version  unique together
kind, at, actorId, userId, name, capacity, requestId, input, otherTeamId, fromVersion
                 of a rename, a capacity of null: the service's default was set too
commitTime       the commit time of the change
readAt           in its place after lost history: the time at which the team was read

A team's `lastChange` may come from an external writer, and a document of the log from another
release. Of both, only known fields of the expected types are used.
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

# The kinds that `lastChange` may have; the others are made by the recorder.
_WRITTEN_KINDS = _KINDS - {"ForeignChange", "HistoryGap"}


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
_REQUIRED = {
    "TeamCreated": "name",
    "TeamRenamed": "name",
    "UserJoinedTeam": "userId",
    "UserLeftTeam": "userId",
}


def _known_fields(description: object, kinds: frozenset[str]) -> dict[str, Any] | None:
    """The known fields of a description; None if one is invalid or a required one is missing."""
    if not isinstance(description, Mapping):
        return None
    kind, at = description.get("kind"), description.get("at")
    if not is_text(kind) or kind not in kinds or not isinstance(at, datetime):
        return None
    known = {"kind": kind, "at": at}
    for field, is_valid in _DETAILS.items():
        if (value := description.get(field)) is not None:
            if not is_valid(value):
                return None
            known[field] = value
    if kind == ChangeKind.TEAM_RENAMED and "capacity" in description:
        known.setdefault("capacity", None)
    return known if _REQUIRED.get(kind, "kind") in known else None


def describe_change(
    team_id: str, version: int, last_change: object, *, at: datetime
) -> dict[str, Any]:
    """A document of the log, without its position, made of the `lastChange` of a write.

    A write without a valid `lastChange` is a foreign change.
    """
    known = _known_fields(last_change, _WRITTEN_KINDS) or {"kind": "ForeignChange", "at": at}
    return {**known, "teamId": team_id, "version": version}


def describe_changes(
    team_id: str, version: int, last_change: object, *, at: datetime
) -> list[dict[str, Any]]:
    """The documents of the log for one write, which may have made several versions, up to this one.

    Such a write describes the changes before its last in the field `earlier` of `lastChange`.
    """
    found = last_change.get("earlier") if isinstance(last_change, Mapping) else None
    earlier = found if isinstance(found, list) and len(found) < version else []
    return [
        describe_change(team_id, version - len(earlier) + index, description, at=at)
        for index, description in enumerate([*earlier, last_change])
    ]


def describe_gap(team_id: str, from_version: int, to_version: int) -> dict[str, Any]:
    """A document of the log for versions whose changes are lost."""
    return {
        "teamId": team_id,
        "version": to_version,
        "fromVersion": from_version,
        "kind": ChangeKind.HISTORY_GAP.value,
        "at": datetime.now(UTC),
    }


def read_change(document: Document) -> Change:
    """The change in a document of the log.

    A document with an unknown kind or an invalid field reads as a `FOREIGN_CHANGE` of its version;
    one without a team or a version as `UNREADABLE`.
    """
    position, team_id, version = (document.get(key) for key in ("position", "teamId", "version"))
    known = _known_fields(document, _KINDS)
    at = document.get("at")
    if known is None:
        _warn_of(repr(document.get("_id"))[:100])
        known = {"kind": "ForeignChange", "at": at if isinstance(at, datetime) else _EPOCH}
    if not (is_text(team_id) and is_int(version)):
        team_id, version, known = "", 0, {"kind": "Unreadable", "at": _EPOCH}
    from_version, commit_time = document.get("fromVersion"), document.get("commitTime")
    return Change(
        position=position if is_int(position) else 0,
        team_id=TeamId(team_id),
        version=Version(version),
        kind=ChangeKind(known["kind"]),
        at=known["at"],
        actor_id=known.get("actorId"),
        user_id=known.get("userId"),
        name=known.get("name"),
        capacity=known.get("capacity"),
        sets_capacity=known["kind"] == ChangeKind.TEAM_RENAMED and "capacity" in known,
        request_id=known.get("requestId"),
        other_team_id=known.get("otherTeamId"),
        from_version=Version(from_version) if _is_range(from_version, version) else None,
        commit_time=CommitTime(commit_time) if is_int(commit_time) else None,
    )


def _is_range(from_version: object, version: int) -> TypeGuard[int]:
    return is_int(from_version) and 0 < from_version <= version


_EPOCH = datetime.fromtimestamp(0, UTC)


@lru_cache(maxsize=1_000)
def _warn_of(document_id: str) -> None:
    """Warn once per document."""
    logger.warning(
        "The change log's document %s has a form that this release does not know.", document_id
    )
