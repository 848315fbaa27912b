"""Change-stream events of `teams`, and the log document made of each.

A projection in the database keeps only the fields that the log needs, so that no other field,
whatever its type or size, reaches the recorder.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from app.domain.changes import ChangeKind
from app.domain.ids import FIRST_VERSION, TeamId
from app.storage.changes.documents import describe_change, describe_changes
from app.storage.documents import Document, is_int, read_commit_time, stored_team_id

logger = logging.getLogger(__name__)

# Our descriptions of one change have some hundred bytes; of 100 changes, each with the longest ids,
# 47,000.
MAX_LAST_CHANGE_BYTES = 80_000
_MAX_TEAM_ID_BYTES = 1_000


def _if(condition: object, then: object) -> Document:
    return {"$cond": [condition, then, None]}


def change_fields(version: object, last_change: object) -> dict[str, Any]:
    """The projection of the fields that the log needs; null for a value of an unexpected type."""
    size = {"$lte": [{"$bsonSize": last_change}, MAX_LAST_CHANGE_BYTES]}
    return {
        "version": _if({"$in": [{"$type": version}, ["int", "long"]]}, version),
        "lastChange": _if({"$eq": [{"$type": last_change}, "object"]}, _if(size, last_change)),
    }


def _set(field: str) -> Document:
    """The value that a write has set: in the document of an insert, or the fields of an update."""
    return {"$ifNull": [f"$fullDocument.{field}", f"$updateDescription.updatedFields.{field}"]}


_STORED_ID = "$documentKey._id"
EVENT_FIELDS: Document = {
    "operationType": 1,
    "wallTime": 1,
    "clusterTime": 1,
    "teamId": {
        "$switch": {
            "branches": [
                {"case": {"$eq": [{"$type": _STORED_ID}, "objectId"]}, "then": _STORED_ID},
                {
                    "case": {"$eq": [{"$type": _STORED_ID}, "string"]},
                    "then": _if(
                        {"$lte": [{"$strLenBytes": _STORED_ID}, _MAX_TEAM_ID_BYTES]}, _STORED_ID
                    ),
                },
            ],
            "default": None,
        }
    },
    **change_fields(_set("version"), _set("lastChange")),
}


def read_recorded_id(stored: object) -> str | None:
    """The team id in the log; None if the `_id` has another type or would name another document."""
    if not isinstance(stored, ObjectId | str):
        return None
    team_id = str(stored)
    is_named = stored_team_id(TeamId(team_id)) == stored and len(team_id) <= _MAX_TEAM_ID_BYTES
    return team_id if is_named and "\N{REPLACEMENT CHARACTER}" not in team_id else None


def changes_of_event(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The log documents for an event; none, with a warning, if the event made no version.

    An event that can't be read becomes a foreign change and is logged as an error.

    A write that did not set `lastChange` is not ours. The service never removes a document: an
    external writer that does has deleted the team, at the version after its last one, which the
    event does not contain.
    """
    team_id, at, version, last_change = None, datetime.now(UTC), None, None
    operation, token = event["operationType"], event["_id"].get("_data")
    try:
        team_id, version = read_recorded_id(event.get("teamId")), event.get("version")
        at = event.get("wallTime") or at
        # The service never replaces a document; an external writer that does writes back an old
        # `lastChange`.
        last_change = event.get("lastChange") if operation != "replace" else None
        if team_id is not None and operation == "delete":
            changes = [{"teamId": team_id, "kind": ChangeKind.TEAM_DELETED.value, "at": at}]
        elif team_id is not None and is_int(version) and version >= FIRST_VERSION:
            changes = describe_changes(team_id, version, last_change, at=at)
        else:
            logger.warning("A foreign write (%s) to team %s made no version.", operation, team_id)
            return []
    except Exception:
        logger.exception("An event of team %s can't be read: %s", team_id, token)
        if team_id is None or not is_int(version) or version < FIRST_VERSION:
            return []
        changes = [describe_change(team_id, version, None, at=at)]
    if last_change is not None and changes[-1]["kind"] == ChangeKind.FOREIGN_CHANGE:
        logger.error("Version %s of team %s can't be described: %s", version, team_id, token)
    commit_time = read_commit_time(event["clusterTime"])
    return [{**change, "commitTime": commit_time} for change in changes]
