"""What can be known of changes without the change stream: from the teams and the log themselves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from bson import CodecOptions

from app.domain.changes import ChangeKind
from app.domain.ids import FIRST_VERSION
from app.storage.change_documents import describe_change, is_int, read_commit_time
from app.storage.change_events import change_fields, read_recorded_id
from app.storage.change_stream import RAW, decoded
from app.storage.client import Collection
from app.storage.documents import Document, stored_team_id
from app.storage.errors import driver_faults

# How many teams are compared with the log at a time.
TEAMS_AT_ONCE = 500

_TEAM_FIELDS: Document = {
    **change_fields("$version", "$lastChange"),
    "updatedAt": {"$cond": [{"$eq": [{"$type": "$updatedAt"}, "date"]}, "$updatedAt", None]},
}


async def read_last_changes(teams: Collection) -> AsyncIterator[list[dict[str, Any]]]:
    """The last change of every team, as the team tells it, in batches.

    A snapshot read tells the very time of what it shows, and so which events it has in it. The
    batches follow one another in the order of the index on `_id`, whose keys are of two types.
    """
    begin: Document = {}
    while True:
        with driver_faults():
            answer = await teams.database.command(
                "find",
                teams.name,
                filter={"_id": {"$type": ["objectId", "string"]}},
                projection=_TEAM_FIELDS,
                hint={"_id": 1},
                **({"min": begin} if begin else {}),
                batchSize=TEAMS_AT_ONCE + 1,
                singleBatch=True,
                readConcern={"level": "snapshot"},
                codec_options=RAW,
            )
        cursor = answer["cursor"]
        options: CodecOptions[Any] = teams.codec_options
        found = [decoded(document, options) for document in cursor["firstBatch"]]
        read_at = read_commit_time(cursor["atClusterTime"])
        if begin and found and found[0]["_id"] == begin["_id"]:
            found = found[1:]
        if not found:
            return
        begin = {"_id": found[-1]["_id"]}
        changes = (_last_change(team) for team in found)
        yield [{**change, "readAt": read_at} for change in changes if change is not None]


def _last_change(team: Document) -> dict[str, Any] | None:
    team_id, version = read_recorded_id(team["_id"]), team["version"]
    if team_id is None or not is_int(version) or version < FIRST_VERSION:
        return None
    updated_at = team["updatedAt"]
    at = updated_at if isinstance(updated_at, datetime) else datetime.now(UTC)
    return describe_change(team_id, version, team["lastChange"], at=at)


async def find_removals(
    changes: Collection, teams: Collection
) -> AsyncIterator[list[dict[str, Any]]]:
    """The deletion, in batches, of every team that the log has and nobody else any more."""
    pipeline: list[dict[str, Any]] = [
        {"$sort": {"teamId": 1, "version": 1}},
        {"$group": {"_id": "$teamId", "kind": {"$last": "$kind"}}},
        {"$match": {"kind": {"$ne": ChangeKind.TEAM_DELETED.value}, "_id": {"$type": "string"}}},
    ]
    with driver_faults():
        recorded = changes.aggregate(pipeline, allowDiskUse=True)
        while live := [team["_id"] for team in await recorded.to_list(TEAMS_AT_ONCE)]:
            ids = [stored_team_id(team_id) for team_id in live]
            there = await teams.find({"_id": {"$in": ids}}, {"_id": 1}).to_list(None)
            gone = set(live) - {str(team["_id"]) for team in there}
            yield [
                {"teamId": team_id, "kind": ChangeKind.TEAM_DELETED.value, "at": datetime.now(UTC)}
                for team_id in sorted(gone)
            ]
