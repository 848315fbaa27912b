"""Recovery of changes after the stream position is lost, from the teams and the log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from app.domain.changes import ChangeKind
from app.domain.ids import FIRST_VERSION
from app.storage.changes.documents import describe_changes
from app.storage.changes.events import change_fields, read_recorded_id
from app.storage.client import Collection, settled
from app.storage.documents import Document, find_at_a_moment, is_int, stored_team_id
from app.storage.errors import driver_faults

# Teams compared with the log per batch.
TEAMS_AT_ONCE = 500

_TEAM_FIELDS: Document = {
    **change_fields("$version", "$lastChange"),
    "updatedAt": {"$cond": [{"$eq": [{"$type": "$updatedAt"}, "date"]}, "$updatedAt", None]},
}


async def read_last_changes(teams: Collection) -> AsyncIterator[list[dict[str, Any]]]:
    """The last change of every team, read from the team, in batches.

    A snapshot read reports its time, and with it which events it already contains. The batches are
    in the order of the index on `_id`, whose keys have two types.
    """
    begin: Document = {}
    while True:
        bounds: dict[str, Any] = {"min": begin} if begin else {}
        with driver_faults():
            found, read_at = await find_at_a_moment(
                teams,
                {"_id": {"$type": ["objectId", "string"]}},
                _TEAM_FIELDS,
                hint={"_id": 1},
                batchSize=TEAMS_AT_ONCE + 1,
                singleBatch=True,
                **bounds,
            )
        if begin and found and found[0]["_id"] == begin["_id"]:
            found = found[1:]
        if not found:
            return
        begin = {"_id": found[-1]["_id"]}
        yield [{**change, "readAt": read_at} for team in found for change in _last_changes(team)]


def _last_changes(team: Document) -> list[dict[str, Any]]:
    """The changes that a team's last write made, described on the team."""
    team_id, version = read_recorded_id(team["_id"]), team["version"]
    if team_id is None or not is_int(version) or version < FIRST_VERSION:
        return []
    updated_at = team["updatedAt"]
    at = updated_at if isinstance(updated_at, datetime) else datetime.now(UTC)
    return describe_changes(team_id, version, team["lastChange"], at=at)


async def find_removals(
    changes: Collection, teams: Collection
) -> AsyncIterator[list[dict[str, Any]]]:
    """The deletion, in batches, of every team that is in the log and no longer in `teams`."""
    pipeline: list[dict[str, Any]] = [
        {"$sort": {"teamId": 1, "version": 1}},
        {"$group": {"_id": "$teamId", "kind": {"$last": "$kind"}}},
        {"$match": {"kind": {"$ne": ChangeKind.TEAM_DELETED.value}, "_id": {"$type": "string"}}},
    ]
    with driver_faults():
        grouped = changes.aggregate(pipeline, allowDiskUse=True, batchSize=TEAMS_AT_ONCE)
        recorded = await settled(grouped)
        while live := [team["_id"] for team in await recorded.to_list(TEAMS_AT_ONCE)]:
            ids = {"$in": [stored_team_id(team_id) for team_id in live]}
            found, read_at = await find_at_a_moment(
                teams, {"_id": ids}, {"_id": 1}, batchSize=TEAMS_AT_ONCE, singleBatch=True
            )
            gone = set(live) - {str(team["_id"]) for team in found}
            deleted = {"kind": ChangeKind.TEAM_DELETED.value, "at": datetime.now(UTC)}
            yield [{"teamId": each, **deleted, "readAt": read_at} for each in sorted(gone)]
