"""The form of a document in `team_changes`, and how one is made of an event of the change stream.

position         1, 2, 3, … over all teams, in the order of recording
teamId, version  unique together
kind, at, actorId, userId, name, capacity, requestId, input, otherTeamId, fromVersion,
    commitTime
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from bson import Timestamp

from app.domain.changes import Change, ChangeKind
from app.domain.ids import FIRST_VERSION, CommitTime, TeamId, Version
from app.storage.documents import Document

# The event's own envelope, and of the team only what says what changed: never its members.
EVENT_FIELDS: Document = {
    "operationType": 1,
    "documentKey": 1,
    "wallTime": 1,
    "clusterTime": 1,
    "updateDescription.updatedFields.version": 1,
    "updateDescription.updatedFields.lastChange": 1,
    "fullDocument.version": 1,
    "fullDocument.lastChange": 1,
}

# What a write can say of itself; the other kinds are the log's own words.
_TOLD_KINDS = frozenset(ChangeKind) - {ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP}


def read_change(document: Document) -> Change:
    """The change in a document of the log."""
    return Change(
        position=document["position"],
        team_id=TeamId(document["teamId"]),
        version=Version(document["version"]),
        kind=ChangeKind(document["kind"]),
        at=document["at"],
        actor_id=document.get("actorId"),
        user_id=document.get("userId"),
        name=document.get("name"),
        capacity=document.get("capacity"),
        request_id=document.get("requestId"),
        other_team_id=document.get("otherTeamId"),
        from_version=document.get("fromVersion"),
        commit_time=document.get("commitTime"),
    )


def change_of_event(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the log is to say of an event; None for one that is no change of a team.

    An insert carries the document, an update the fields that it set. A write that did not set
    `lastChange` is not ours. We never remove a document: another program that does has deleted the
    team, at the version after its last, which the event does not tell.
    """
    if "documentKey" not in event:
        return None
    team_id = str(event["documentKey"]["_id"])
    at = event.get("wallTime") or datetime.now(UTC)
    commit_time = read_commit_time(event["clusterTime"])
    if event["operationType"] == "delete":
        return {
            "teamId": team_id,
            "kind": ChangeKind.TEAM_DELETED.value,
            "at": at,
            "commitTime": commit_time,
        }
    changed = (
        event.get("fullDocument") or event.get("updateDescription", {}).get("updatedFields") or {}
    )
    # Only a write that went past the validator sets another kind of version: one that a doctor has
    # taken back brings the old program's.
    version = changed.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < FIRST_VERSION:
        return None
    # We never replace a team; another program that does brings back what it has read before.
    is_ours = event["operationType"] != "replace"
    change = describe_change(
        team_id, version, changed.get("lastChange") if is_ours else None, at=at
    )
    return {**change, "commitTime": commit_time}


def read_commit_time(timestamp: Timestamp) -> CommitTime:
    """A timestamp of the database's clock, as one number."""
    return CommitTime(timestamp.time << 32 | timestamp.inc)


def describe_change(
    team_id: str, version: int, last_change: object, *, at: datetime
) -> dict[str, Any]:
    """A document of the log, but for its position, out of what a write said about itself.

    What says nothing, or nothing that we know, is another program's.
    """
    if not _is_told(last_change):
        return {
            "teamId": team_id,
            "version": version,
            "kind": ChangeKind.FOREIGN_CHANGE.value,
            "at": at,
        }
    told = {field: value for field, value in last_change.items() if value is not None}
    return {**told, "teamId": team_id, "version": version}


def _is_told(last_change: object) -> TypeGuard[Mapping[str, Any]]:
    return (
        isinstance(last_change, Mapping)
        and last_change.get("kind") in _TOLD_KINDS
        and isinstance(last_change.get("at"), datetime)
    )


def describe_gap(team_id: str, from_version: int, to_version: int) -> dict[str, Any]:
    """A document of the log for versions of which nothing is known any more."""
    return {
        "teamId": team_id,
        "version": to_version,
        "fromVersion": from_version,
        "kind": ChangeKind.HISTORY_GAP.value,
        "at": datetime.now(UTC),
    }
