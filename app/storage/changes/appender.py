"""The writer of the change log: appends each team's versions in order, under one lease term."""

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson.errors import BSONError
from pymongo.errors import OperationFailure

from app.domain.changes import ChangeKind
from app.domain.ids import MAX_VERSION, TeamId
from app.storage.changes.lease import Lease, advanced
from app.storage.changes.log import POSITION
from app.storage.changes.lost_history import find_removals, read_last_changes
from app.storage.changes.sequence import LastChange, VersionMismatch, in_sequence
from app.storage.client import (
    Client,
    Session,
    recorder_of,
    requests_of,
    settled,
    team_changes_of,
    teams_of,
)
from app.storage.documents import (
    RAW,
    RECORDED_VERSION,
    Document,
    all_decoded,
    is_int,
    stored_team_id,
)
from app.storage.errors import driver_faults
from app.storage.requests import record_request
from app.storage.transactions import Sessions

logger = logging.getLogger(__name__)

# How often the last position is read again, since external writers may have added entries.
POSITION_SECONDS = 1.0


class LeaseLost(Exception):
    """Another server holds the lease; this one must stop appending."""


class ChangeAppender:
    """The only writer of the log during one term of the lease."""

    def __init__(self, client: Client, database: str, lease: Lease) -> None:
        self._sessions = Sessions(client)
        self._teams = teams_of(client, database)
        self._changes = team_changes_of(client, database)
        self._raw = self._changes.with_options(codec_options=RAW)
        self._requests = requests_of(client, database)
        self._recorder = recorder_of(client, database)
        self._lease = lease
        self._position = lease.position
        self._position_read_at = -math.inf

    async def append(self, found: Sequence[Mapping[str, Any]], resume_token: object) -> None:
        """Append the new ones of these changes, save the stream position and extend the lease.

        Changes that are already recorded are skipped: after a restart, the stream repeats those
        after the last saved position. A gap in a team's versions is recorded as an entry and
        logged.

        *Atomicity*: one transaction. *Held by*: G6 index `one_change_per_version`; the lease's term
        in the condition. *Raises*: `LeaseLost`, `DatabaseUnavailable`; then nothing was appended.
        """
        last_changes, position = await self._read_log({c["teamId"] for c in found})
        new, mismatches = in_sequence(found, last_changes)
        await self._correct_versions(mismatches)
        entries = [
            {"position": position, **change} for position, change in enumerate(new, position + 1)
        ]
        position += len(entries)

        async def body(session: Session) -> bool:
            await self._write(entries, advanced(position, resume_token), session)
            return True

        with driver_faults():
            await self._sessions.transact(body)
        self._position = position

    async def finish(self, seconds: float) -> None:
        """Wait at most this long for an append whose caller was cancelled."""
        await self._sessions.finish(seconds)

    async def _write(
        self,
        entries: Sequence[dict[str, Any]],
        progress: Sequence[Mapping[str, Any]],
        session: Session,
    ) -> None:
        saved = await self._recorder.update_one(self._lease.condition, progress, session=session)
        if saved.matched_count == 0:
            # We were paused past our lease. The new holder appends from the same position.
            raise LeaseLost
        if entries:
            await self._changes.insert_many(entries, session=session)
        if requests := [write for write in map(record_request, entries) if write is not None]:
            await self._requests.bulk_write(requests, session=session)

    async def append_lost_history(self, resume_token: object) -> None:
        """Append, for every team that is ahead of the log, what is known without the stream.

        That is the last change, described on the team itself, after a gap for those before it; for
        a team whose document is gone, its deletion. The token belongs to a stream that was opened
        before: saved at the end, it lets a successor resume from there. *Raises*: as `append`.
        """
        async for found in read_last_changes(self._teams):
            await self.append(found, None)
        async for removed in find_removals(self._changes, self._teams):
            await self.append(removed, None)
        await self.append([], resume_token)

    async def _correct_versions(self, mismatches: Mapping[str, VersionMismatch]) -> None:
        """Set the versions of those teams to the one after their last in the log.

        `$inc` by the difference, not `$set`: Sue joins after John's change has been read here and
        before this write. Her change is recorded at the version after his, and this write at the
        version after hers. The stream then delivers this write as a foreign change.

        *Atomicity*: one document. A team whose version was set again meanwhile is left alone.
        """
        for team_id, each in mismatches.items():
            bounds = {"$gte": each.seen}
            if each.seen <= each.recorded:
                bounds["$lte"] = each.recorded
            correction = {"kind": ChangeKind.FOREIGN_CHANGE.value, "at": datetime.now(UTC)}
            try:
                with driver_faults():
                    await self._teams.update_one(
                        {"_id": stored_team_id(TeamId(team_id)), "version": bounds},
                        {
                            "$inc": {"version": each.recorded + 1 - each.seen},
                            "$set": {"lastChange": correction},
                        },
                    )
            except (OperationFailure, BSONError) as error:
                # Not its text: a refusal by the validator quotes the whole team.
                logger.error(  # noqa: TRY400
                    "The version of team %s can't be corrected, since its data are damaged "
                    "(code %s). Run the doctor.",
                    team_id,
                    getattr(error, "code", None),
                )

    async def _read_log(self, team_ids: Iterable[str]) -> tuple[dict[str, LastChange], int]:
        """Each team's last recorded change, and the last position of the log.

        The position is read only once per `POSITION_SECONDS`, as that costs a tenth of an append.
        If an external writer has added an entry since, a duplicate key ends this term, and the next
        term continues after that entry.
        """
        fields = ("version", "kind", "at", "userId", "commitTime", "readAt")
        last_entry: list[dict[str, Any]] = [
            {"$match": {"position": POSITION}},
            {"$sort": {"position": -1}},
            {"$limit": 1},
            {"$project": {"_id": None, "position": 1}},
        ]
        pipeline: list[dict[str, Any]] = [
            {"$match": {"teamId": {"$in": sorted(team_ids)}}},
            {"$sort": {"teamId": 1, "version": 1}},
            {"$group": {"_id": "$teamId", **{field: {"$last": f"${field}"} for field in fields}}},
        ]
        if time.monotonic() - self._position_read_at > POSITION_SECONDS:
            pipeline.append({"$unionWith": {"coll": self._changes.name, "pipeline": last_entry}})
            self._position_read_at = time.monotonic()
        position, last = self._position, {}
        with driver_faults():
            for entry in await self._read(await settled(self._raw.aggregate(pipeline))):
                if (team_id := entry["_id"]) is None:
                    position = max(position, entry["position"])
                    continue
                if not (is_int(entry["version"]) and entry["version"] < MAX_VERSION):
                    # an external writer's entry
                    numbered = {"teamId": team_id, "version": RECORDED_VERSION}
                    found = self._raw.find(numbered, {"_id": 0}).sort("version", -1).limit(1)
                    entry = next(iter(await self._read(found)), {})  # noqa: PLW2901
                last[team_id] = _read_last(entry)
        return last, position

    async def _read(self, cursor: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - one of two kinds
        return all_decoded(await cursor.to_list(None))


def _read_last(entry: Document) -> LastChange:
    """An entry as a `LastChange`; a field of an unexpected type counts as absent."""
    kind, at, user_id = entry.get("kind"), entry.get("at"), entry.get("userId")
    known_until = entry.get("commitTime") or entry.get("readAt")
    return LastChange(
        version=entry.get("version", 0),
        kind=kind if type(kind) is str else "",
        at=at if isinstance(at, datetime) else None,
        user_id=user_id if type(user_id) is str else None,
        known_until=known_until if is_int(known_until) else None,
    )
