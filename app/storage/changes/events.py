"""Events of the change stream of `teams`, and the document of the log that is made of each.

The database itself cuts out of an event the little that says what changed, so that no other field,
whatever its type or size, reaches the recorder.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from app.domain.changes import ChangeKind
from app.domain.ids import FIRST_VERSION, TeamId
from app.storage.changes.documents import describe_change
from app.storage.documents import Document, is_int, read_commit_time, stored_team_id

logger = logging.getLogger(__name__)

# Ours have some hundred bytes.
_MAX_LAST_CHANGE_BYTES = 10_000
_MAX_TEAM_ID_BYTES = 1_000


def _if(condition: object, then: object) -> Document:
    return {"$cond": [condition, then, None]}


def change_fields(version: object, last_change: object) -> dict[str, Any]:
    """The projection of what the log is made of: each field null unless it is of its own type."""
    size = {"$lte": [{"$bsonSize": last_change}, _MAX_LAST_CHANGE_BYTES]}
    return {
        "version": _if({"$in": [{"$type": version}, ["int", "long"]]}, version),
        "lastChange": _if({"$eq": [{"$type": last_change}, "object"]}, _if(size, last_change)),
    }


def _set(field: str) -> Document:
    """What a write has set: an insert carries the document, an update the fields that it set."""
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
    """The id under which the log knows a team; None for a document that nobody can name.

    Those are of another type than ours, or spelled like an id of another document.
    """
    if not isinstance(stored, ObjectId | str):
        return None
    team_id = str(stored)
    is_named = stored_team_id(TeamId(team_id)) == stored and len(team_id) <= _MAX_TEAM_ID_BYTES
    return team_id if is_named and "\N{REPLACEMENT CHARACTER}" not in team_id else None


def change_of_event(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the log is to say of an event; None, with a warning, for no change of a team.

    An event that can't be read is one that can't be described, and logged as an error.

    A write that did not set `lastChange` is not ours. We never remove a document: another program
    that does has deleted the team, at the version after its last, which the event does not tell.
    """
    team_id, at, version, last_change = None, datetime.now(UTC), None, None
    operation, token = event["operationType"], event["_id"].get("_data")
    try:
        team_id, version = read_recorded_id(event.get("teamId")), event.get("version")
        at = event.get("wallTime") or at
        # We never replace a team; another program that does brings back what it has read before.
        last_change = event.get("lastChange") if operation != "replace" else None
        if team_id is not None and operation == "delete":
            change = {"teamId": team_id, "kind": ChangeKind.TEAM_DELETED.value, "at": at}
        elif team_id is not None and is_int(version) and version >= FIRST_VERSION:
            change = describe_change(team_id, version, last_change, at=at)
        else:
            logger.warning("A foreign write (%s) to team %s made no version.", operation, team_id)
            return None
    except Exception:
        logger.exception("An event of team %s can't be read: %s", team_id, token)
        if team_id is None or not is_int(version) or version < FIRST_VERSION:
            return None
        change = describe_change(team_id, version, None, at=at)
    if last_change is not None and change["kind"] == ChangeKind.FOREIGN_CHANGE:
        logger.error("Version %s of team %s can't be described: %s", version, team_id, token)
    return {**change, "commitTime": read_commit_time(event["clusterTime"])}
