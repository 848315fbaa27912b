"""The writes of teams: each a single conditional `findOneAndUpdate` or insert.

The condition of a change is in the filter of the write that makes it, so there is no moment between
a check and its write in which another server could act.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.domain.changes import UNCHANGED, Attribution, ChangeKind, Unchanged
from app.domain.diagnosis import Replay, TeamState
from app.domain.ids import LAST_VERSION, TeamId, UserId, Version
from app.domain.outcomes import AcceptedMove
from app.domain.teams import Team
from app.storage.client import Client, Session, teams_of
from app.storage.documents import Document, stored_team_id
from app.storage.errors import damage_faults, driver_faults, refused_by
from app.storage.requests import RecordedRequests, push_mark, unseen_request
from app.storage.teams.diagnosis import Diagnosis
from app.storage.teams.documents import (
    LIVE,
    MEMBER_COUNT,
    WRITTEN_FIELDS,
    last_change,
    new_team,
    read_team,
)
from app.storage.teams.memberships import (
    MembershipChange,
    condition_of,
    teams_after,
    update_of,
)
from app.storage.teams.shared_writes import SharedWrites
from app.storage.transactions import Transactions


class MongoTeamStore:
    """`TeamStore` on MongoDB."""

    def __init__(
        self,
        client: Client,
        database: str,
        *,
        default_capacity: int,
        note_retry: Callable[[], None] = lambda: None,
    ) -> None:
        self._teams = teams_of(client, database)
        self._requests = RecordedRequests(client, database)
        self._default_capacity = default_capacity
        self._diagnosis = Diagnosis(client, database, default_capacity=default_capacity)
        self._transactions = Transactions(client, note_retry)
        self._shared = SharedWrites(self._change_memberships)

    async def _change(
        self,
        condition: Document,
        expected_version: Version | None,
        update: dict[str, Any],
        by: Attribution,
        *,
        versions: int = 1,
        other_team_id: TeamId | None = None,
        session: Session | None = None,
    ) -> Team | None:
        """The one write behind every change of a team: all conditions, and `versions` more.

        Plain update operators only: a pipeline update would reach the change stream as a diff,
        without the complete `lastChange`.
        """
        filters = {**condition, **LIVE, **unseen_request(by)}
        # No write goes past the last version: GraphQL's `Int` could not carry it.
        version: dict[str, int] = {"$lte": LAST_VERSION - versions}
        if expected_version is not None:
            version["$eq"] = expected_version
        filters["version"] = version
        if by.request_id is not None and isinstance(team_id := condition["_id"], ObjectId | str):
            remembered = await self._requests.all_remembered(TeamId(str(team_id)), by)
            if remembered is None:
                return None
            filters |= remembered
        update["$inc"] = {"version": versions}
        update["$set"]["updatedAt"] = by.at
        if mark := push_mark(by, other_team_id):
            update.setdefault("$push", {}).update(mark)
        with driver_faults(), damage_faults():
            document = await self._teams.find_one_and_update(
                filters,
                update,
                projection=WRITTEN_FIELDS,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        return read_team(document, self._default_capacity) if document else None

    async def insert_team(self, *, name: str, capacity: int | None, by: Attribution) -> Team | None:
        """*Held by*: index `one_team_per_creation_request`."""
        if await self._requests.find(by) is not None:
            return None
        document = new_team(name=name, capacity=capacity, by=by)
        try:
            with driver_faults():
                await self._teams.insert_one(document)
        except DuplicateKeyError as error:
            if "creation.requestId" in refused_by(error):
                return None
            raise
        return read_team({**document, "memberCount": 0}, self._default_capacity)

    async def update_team(
        self,
        *,
        team_id: TeamId,
        expected_version: Version,
        name: str | Unchanged,
        capacity: int | Unchanged | None,
        by: Attribution,
    ) -> Team | None:
        """*Held by*: G3 `version`, G4 `$expr` on the array's size."""
        given: dict[str, Any] = {}
        if name is not UNCHANGED:
            given["name"] = name
        if capacity is not UNCHANGED:
            given["capacity"] = capacity
        kind = ChangeKind.CAPACITY_CHANGED if name is UNCHANGED else ChangeKind.TEAM_RENAMED
        update: dict[str, Any] = {
            "$set": {"lastChange": last_change(kind, by, **given), **given},
        }
        condition: dict[str, Any] = {"_id": stored_team_id(team_id)}
        if capacity is None:
            del update["$set"]["capacity"]
            update["$unset"] = {"capacity": ""}
        if capacity is not UNCHANGED:
            condition["$expr"] = {"$lte": [MEMBER_COUNT, capacity or self._default_capacity]}
        return await self._change(condition, expected_version, update, by)

    async def delete_team(
        self, *, team_id: TeamId, expected_version: Version, by: Attribution
    ) -> Team | None:
        """*Held by*: G3 `version`. The write that marks the team deleted also frees its members."""
        change = last_change(ChangeKind.TEAM_DELETED, by)
        update = {"$set": {"userIds": [], "deletedAt": by.at, "lastChange": change}}
        return await self._change({"_id": stored_team_id(team_id)}, expected_version, update, by)

    async def add_member(
        self,
        *,
        team_id: TeamId,
        user_id: UserId,
        expected_version: Version | None,
        by: Attribution,
    ) -> Team | None:
        """*Held by*: G1 index `one_team_per_user`, G2 `$nin`, G3 `version`, G4 `$expr`.

        Sue joins Team A here while John puts her on Team B through another server: both writes
        pass their own filter, and the index accepts one of them. The other one is refused.
        """
        change = MembershipChange(ChangeKind.USER_JOINED_TEAM, team_id, user_id, by)
        return await self._make(change, expected_version)

    async def add_members(
        self,
        *,
        team_id: TeamId,
        user_ids: Sequence[UserId],
        must_be_full: bool,
        expected_version: Version | None,
        by: Attribution,
    ) -> Sequence[Team] | None:
        """*Held by*: G1 index `one_team_per_user`, G2 `$nin`, G3 `version`, G4 `$expr`.

        Ten are to be added and two fit: the other eight are left out as `TeamFull`. Before the two
        are written Joe leaves, so that a third would fit; `must_be_full` refuses that write.
        """
        kind = ChangeKind.USER_JOINED_TEAM
        changes = [MembershipChange(kind, team_id, id_, by) for id_ in user_ids]
        return await self._change_memberships(changes, expected_version, must_be_full=must_be_full)

    async def remove_member(
        self,
        *,
        team_id: TeamId,
        user_id: UserId,
        expected_version: Version | None,
        by: Attribution,
    ) -> Team | None:
        """*Held by*: membership and, if given, `version` (G3) in the filter."""
        change = MembershipChange(ChangeKind.USER_LEFT_TEAM, team_id, user_id, by)
        return await self._make(change, expected_version)

    async def move_member(
        self,
        *,
        user_id: UserId,
        to_team_id: TeamId,
        from_team_id: TeamId | None,
        expected_to_version: Version | None,
        expected_from_version: Version | None,
        by: Attribution,
    ) -> AcceptedMove | None:
        """*Atomicity*: one transaction: no reader sees the user on both teams or on neither.

        *Held by*: the condition of each write, and G1's index inside the transaction.
        """
        source = {"$ne": stored_team_id(to_team_id)}
        leaving = MembershipChange(ChangeKind.USER_LEFT_TEAM, to_team_id, user_id, by)
        joining = replace(leaving, kind=ChangeKind.USER_JOINED_TEAM)
        if from_team_id is not None:
            source["$eq"] = stored_team_id(from_team_id)

        async def move(session: Session) -> AcceptedMove | None:
            # The user's current team, unless it is the target.
            left = await self._change(
                {"_id": source, "userIds": user_id},
                expected_from_version,
                update_of([leaving], to_team_id),
                by,
                other_team_id=to_team_id,
                session=session,
            )
            if left is None:
                return None
            joined = await self._change_memberships(
                [joining], expected_to_version, other_team_id=left.id, session=session
            )
            return AcceptedMove(from_team=left, to_team=joined[0]) if joined else None

        return await self._transactions.run(move, to_team_id, from_team_id)

    async def read_state(
        self, *, team_ids: Collection[TeamId], user_ids: Collection[UserId], by: Attribution
    ) -> TeamState:
        return await self._diagnosis.read_state(team_ids=team_ids, user_ids=user_ids, by=by)

    async def find_created(self, by: Attribution) -> Replay | None:
        return await self._diagnosis.find_created(by)

    async def finish(self, seconds: float) -> None:
        """Wait at most this long for writes whose requests were cancelled."""
        await asyncio.gather(self._transactions.finish(seconds), self._shared.finish(seconds))

    async def _make(
        self, change: MembershipChange, expected_version: Version | None
    ) -> Team | None:
        if expected_version is None and change.by.request_id is None:
            return await self._shared.make(change)
        teams = await self._change_memberships([change], expected_version)
        return teams[0] if teams else None

    async def _change_memberships(
        self,
        changes: Sequence[MembershipChange],
        expected_version: Version | None = None,
        *,
        must_be_full: bool = False,
        other_team_id: TeamId | None = None,
        session: Session | None = None,
    ) -> list[Team] | None:
        """The team after each of these changes, made by one write, each with its own version."""
        try:
            team = await self._change(
                condition_of(changes, self._default_capacity, must_be_full=must_be_full),
                expected_version,
                update_of(changes, other_team_id),
                changes[-1].by,
                versions=len(changes),
                other_team_id=other_team_id,
                session=session,
            )
        except DuplicateKeyError as error:
            if "userIds" in refused_by(error):
                return None
            raise
        return teams_after(changes, team) if team else None
