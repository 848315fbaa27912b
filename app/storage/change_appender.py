"""Appends to the change log: each team's versions one after another, all under one term's lease."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ASCENDING

from app.domain.changes import ChangeKind
from app.storage.change_documents import describe_change, describe_gap
from app.storage.client import (
    Client,
    recorder_of,
    requests_of,
    team_changes_of,
    teams_of,
)
from app.storage.errors import driver_faults
from app.storage.lease import Lease, advanced
from app.storage.requests import remember
from app.storage.sessions import Sessions

logger = logging.getLogger(__name__)

# How many teams are compared with the log at a time when history was lost.
TEAMS_AT_ONCE = 500


class LeaseLost(Exception):
    """Another server has taken the lease; this one must append nothing more."""


class ChangeAppender:
    """The log's only writer for one term of the lease."""

    def __init__(self, client: Client, database: str, lease: Lease) -> None:
        self._sessions = Sessions(client)
        self._teams = teams_of(client, database)
        self._changes = team_changes_of(client, database)
        self._requests = requests_of(client, database)
        self._recorder = recorder_of(client, database)
        self._lease = lease
        self._position = lease.position

    async def append(self, found: Sequence[Mapping[str, Any]], resume_token: object) -> None:
        """Appends what is new of the changes found, and saves how far the stream has been read.

        Each change must follow the last one of its team. One that is recorded already is passed
        over: the stream repeats what it told after the last saved position. Where versions are
        missing, their gap is recorded before it, and logged.

        The lease is kept for another while, so that filling long histories does not lose it.

        *Atomicity*: one transaction. *Held by*: G6 index `one_change_per_version`; the lease's term
        in the condition. *Raises*: `LeaseLost`, `DatabaseUnavailable`; then nothing was appended.
        """
        new = self._in_sequence(found, await self._last_changes({c["teamId"] for c in found}))
        entries = [
            {"position": position, **change}
            for position, change in enumerate(new, self._position + 1)
        ]
        position = self._position + len(entries)

        async def body(session: AsyncIOMotorClientSession) -> bool:
            await self._write(entries, advanced(position, resume_token), session)
            return True

        with driver_faults():
            await self._sessions.transact(body)
        self._position = position

    async def finish(self, seconds: float) -> None:
        """Waits so long, at most, for an appending whose caller was cancelled."""
        await self._sessions.finish(seconds)

    async def _write(
        self,
        entries: Sequence[dict[str, Any]],
        progress: Sequence[Mapping[str, Any]],
        session: AsyncIOMotorClientSession,
    ) -> None:
        saved = await self._recorder.update_one(self._lease.condition, progress, session=session)
        if saved.matched_count == 0:
            # We were paused past our lease; the new holder appends from the same position.
            raise LeaseLost
        if entries:
            await self._changes.insert_many(entries, session=session)
        if requests := [write for write in map(remember, entries) if write is not None]:
            await self._requests.bulk_write(requests, session=session)

    async def append_lost_history(self, resume_token: object) -> None:
        """Appends, for every team that the log is behind of, what can be known without the stream.

        That is the last change, which stands on the team itself, and a gap for those before it.
        The token is of a stream opened before: saved with the last of them, it lets a successor
        go on from there instead of losing history again. *Raises*: as `append`.
        """
        fields = {"version": 1, "lastChange": 1, "updatedAt": 1}
        teams = self._teams.find({}, fields).sort("_id", ASCENDING).batch_size(TEAMS_AT_ONCE)
        found: list[dict[str, Any]] = []
        with driver_faults():
            async for team in teams:
                found.append(
                    describe_change(
                        str(team["_id"]),
                        team["version"],
                        team.get("lastChange"),
                        at=team.get("updatedAt") or datetime.now(UTC),
                    )
                )
                if len(found) == TEAMS_AT_ONCE:
                    await self.append(found, None)
                    found.clear()
        await self.append(found, resume_token)

    async def _last_changes(self, team_ids: Iterable[str]) -> dict[str, tuple[int, str]]:
        """Version and kind of each team's last recorded change: the greatest key of the index."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"teamId": {"$in": sorted(team_ids)}}},
            {"$sort": {"teamId": 1, "version": 1}},
            {
                "$group": {
                    "_id": "$teamId",
                    "version": {"$last": "$version"},
                    "kind": {"$last": "$kind"},
                }
            },
        ]
        with driver_faults():
            last = await self._changes.aggregate(pipeline).to_list(None)
        return {team["_id"]: (team["version"], team["kind"]) for team in last}

    def _in_sequence(
        self, found: Iterable[Mapping[str, Any]], last_changes: dict[str, tuple[int, str]]
    ) -> list[Mapping[str, Any]]:
        new: list[Mapping[str, Any]] = []
        for change in found:
            team_id = change["teamId"]
            last, last_kind = last_changes.get(team_id, (0, ""))
            is_removal = "version" not in change
            if is_removal and last_kind in ("", ChangeKind.TEAM_DELETED):
                continue
            version = last + 1 if is_removal else change["version"]
            if version <= last:
                continue
            if version > last + 1:
                logger.error(
                    "History is lost: team %s, versions %s to %s.", team_id, last + 1, version - 1
                )
                new.append(describe_gap(team_id, last + 1, version - 1))
            new.append({**change, "version": version})
            last_changes[team_id] = version, change["kind"]
        return new
