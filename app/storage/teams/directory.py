"""The reads of teams: by id, by user, and in pages; and pages of members."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING

from app.domain.faults import PlaceLost, TeamDamaged
from app.domain.ids import CommitTime, TeamId, UserId, Version
from app.domain.pages import (
    MemberPosition,
    Page,
    PageRequest,
    TeamListing,
    TeamOptions,
    TeamPosition,
)
from app.domain.teams import FoundTeam, Team
from app.storage.client import Client, SnapshotReads, teams_of
from app.storage.client import Collection as Stored
from app.storage.documents import (
    RAW,
    Document,
    all_decoded,
    find_at_a_moment,
    is_int,
    is_text,
    read_team_id,
    stored_team_id,
)
from app.storage.elections import CaughtUpReads
from app.storage.errors import driver_faults
from app.storage.indexes import LIVE_TEAMS_BY_CREATION, LIVE_TEAMS_BY_NAME, UNORDERED_TEAMS
from app.storage.teams.documents import (
    LIVE,
    MEMBER_COUNT,
    MEMBERS,
    read_team,
    read_team_or_fault,
    read_user_ids,
    read_version,
    team_fields,
)
from app.storage.teams.member_slices import member_slice
from app.storage.teams.positions import (
    PLACE_FIELDS,
    Bound,
    beyond,
    beyond_stored,
    finding,
    part,
    read_position,
)
from app.storage.teams.shared_reads import SharedReads

BY_NAME: str = LIVE_TEAMS_BY_NAME.document["name"]
BY_CREATION: str = LIVE_TEAMS_BY_CREATION.document["name"]
APART: str = UNORDERED_TEAMS.document["name"]


class MongoTeamDirectory:
    """`TeamDirectory` on MongoDB. *Held by*: G5 read concern majority."""

    def __init__(self, client: Client, database: str, *, default_capacity: int) -> None:
        self._teams = teams_of(client, database)
        self._default_capacity = default_capacity
        self._caught_up = CaughtUpReads(client, database)
        self._shared_teams = SharedReads(self._find_teams)
        self._shared_teams_of = SharedReads(self._find_teams_of)
        self._shared_pages = SharedReads(self._find_pages)

    async def find_teams(
        self, team_ids: Collection[TeamId], options: TeamOptions
    ) -> Mapping[TeamId, FoundTeam]:
        return await self._shared_teams.find(team_ids, options)

    async def find_teams_of(
        self, user_ids: Collection[UserId], options: TeamOptions
    ) -> Mapping[UserId, FoundTeam]:
        return await self._shared_teams_of.find(user_ids, options)

    async def list_teams(self, listing: TeamListing) -> Page[FoundTeam, TeamPosition]:
        # Only equal listings share a read.
        return (await self._shared_pages.find([listing], listing))[listing]

    async def _find_teams(
        self, team_ids: Collection[TeamId], options: TeamOptions
    ) -> Mapping[TeamId, FoundTeam]:
        documents = await self._find(
            {"_id": {"$in": [stored_team_id(id_) for id_ in team_ids]}, **LIVE},
            team_fields(with_member_count=options.with_member_count),
            at=options.at,
        )
        return {read_team_id(each): self._read(each) for each in documents}

    async def find_creator(self, team_id: TeamId) -> UserId | None:
        found = {"_id": stored_team_id(team_id), **LIVE}
        documents = await self._find(found, {"creation.actorId": 1})
        creation = documents[0].get("creation") if documents else None
        actor_id = creation.get("actorId") if isinstance(creation, Mapping) else None
        return UserId(actor_id) if is_text(actor_id) else None

    async def find_roster(self, team_id: TeamId) -> tuple[Team, Sequence[UserId] | None] | None:
        fields = {**team_fields(with_member_count=False), "found": MEMBERS, "deletedAt": 1}
        for document in await self._find({"_id": stored_team_id(team_id)}, fields):
            is_live = document.get("deletedAt") is None
            user_ids = read_user_ids(document, "found") if is_live else None
            return read_team(document, self._default_capacity), user_ids
        return None

    async def find_version(self, team_id: TeamId) -> Version | None:
        documents = await self._find({"_id": stored_team_id(team_id)}, {"version": 1})
        version = documents[0].get("version") if documents else None
        return Version(version) if is_int(version) else None

    async def find_team_id_of(self, user_id: UserId) -> tuple[TeamId | None, CommitTime]:
        with driver_faults():
            found, at = await self._caught_up.read(
                lambda: find_at_a_moment(self._teams, {"userIds": user_id}, {"_id": 1})
            )
        return read_team_id(found[0]) if found else None, at

    async def _find_teams_of(
        self, user_ids: Collection[UserId], options: TeamOptions
    ) -> Mapping[UserId, FoundTeam]:
        # Only the requested ids of each array are returned by the database.
        wanted = list(user_ids)
        documents = await self._find(
            {"userIds": {"$in": wanted}},
            {
                **team_fields(with_member_count=options.with_member_count),
                "found": {"$setIntersection": [MEMBERS, {"$literal": wanted}]},
            },
            at=options.at,
        )
        return {
            user_id: self._read(document)
            for document in documents
            for user_id in read_user_ids(document, "found")
        }

    async def _find_pages(
        self, listings: Collection[TeamListing], _: TeamListing
    ) -> Mapping[TeamListing, Page[FoundTeam, TeamPosition]]:
        return {listing: await self._find_page(listing) for listing in listings}

    async def _find_page(self, listing: TeamListing) -> Page[FoundTeam, TeamPosition]:
        # Walks `live_teams_by_name` or `live_teams_by_creation`, then `unordered_teams`.
        page, order, options = listing.page, listing.order, listing.options
        live = _live_teams(listing.name_contains)
        key, index = ("name", BY_NAME) if order.by_name else ("createdAt", BY_CREATION)
        descending = order.descending != page.from_back
        after = await self._bound(key, page.after, descending=order.descending, from_back=False)
        before = await self._bound(
            key, page.before, descending=not order.descending, from_back=True
        )
        documents: list[RawBSONDocument] = []
        for is_apart in (True, False) if page.from_back else (False, True):
            if (
                len(documents) > page.size
                or (after is not None and after.is_apart > is_apart)
                or (before is not None and before.is_apart < is_apart)
            ):
                continue
            bounds = [each.beyond for each in (after, before) if each and each.is_apart == is_apart]
            direction = DESCENDING if (page.from_back if is_apart else descending) else ASCENDING
            ids: list[tuple[str, int]] = [("_id", direction)]
            # One more than requested shows whether there are more.
            documents += await self._find_raw(
                {**live, "$and": [*bounds, part(key, is_apart=is_apart)]},
                {**team_fields(with_member_count=options.with_member_count), **PLACE_FIELDS},
                sort=ids if is_apart else [(key, direction), *ids],
                limit=page.size + 1 - len(documents),
                # Left alone, the planner may take an index per branch of `$or` and sort it all.
                hint=APART if is_apart else index,
                at=options.at,
            )
        more = len(documents) > page.size
        shown = documents[: page.size]
        items = [
            (self._read(document), read_position(document, raw, key))
            for document, raw in zip(all_decoded(shown), shown, strict=True)
        ]
        if page.from_back:
            return Page(tuple(reversed(items)), has_next=page.before is not None, has_previous=more)
        return Page(tuple(items), has_next=more, has_previous=page.after is not None)

    async def count_teams(self, *, name_contains: str | None, at: CommitTime | None = None) -> int:
        # Counts index entries, so the cost grows with the number of teams.
        with driver_faults(at=at):
            return await self._at(at).count_documents(_live_teams(name_contains))

    async def list_members(
        self,
        team_ids: Collection[TeamId],
        page: PageRequest[MemberPosition],
        *,
        at: CommitTime | None = None,
    ) -> Mapping[TeamId, Page[UserId, MemberPosition] | TeamDamaged]:
        # The database returns only the page of each array.
        documents = await self._find(
            {"_id": {"$in": [stored_team_id(id_) for id_ in team_ids]}, **LIVE},
            {"version": 1, "memberCount": MEMBER_COUNT, "slice": member_slice(page)},
            at=at,
        )
        return {read_team_id(document): _read_members(document) for document in documents}

    async def find_positions(
        self, team_id: TeamId, user_ids: Sequence[UserId]
    ) -> Mapping[UserId, MemberPosition]:
        index = {"$indexOfArray": [MEMBERS, "$$user"]}
        indexes = {"$map": {"input": {"$literal": [*user_ids]}, "as": "user", "in": index}}
        found = await self._find(
            {"_id": stored_team_id(team_id), **LIVE},
            {"version": 1, "memberCount": MEMBER_COUNT, "indexes": indexes},
        )
        return {
            user_id: MemberPosition(index, user_id, read_version(team), team["memberCount"])
            for team in found
            for user_id, index in zip(user_ids, team["indexes"], strict=True)
            if index >= 0
        }

    def _read(self, document: Document) -> FoundTeam:
        return read_team_or_fault(document, self._default_capacity)

    async def _bound(
        self, key: str, position: TeamPosition | None, *, descending: bool, from_back: bool
    ) -> Bound | None:
        if position is None:
            return None
        if position.stored_id is None:
            stored_id = stored_team_id(position.id)
            return Bound(
                beyond(key, position.key, stored_id, descending=descending), is_apart=False
            )
        raw = self._teams.with_options(codec_options=RAW)
        with driver_faults():
            found: Any = await raw.find_one(finding(position.stored_id), {key: 1})
        if found is None:
            raise PlaceLost("The team that a cursor names is gone.")
        return beyond_stored(key, found, descending=descending, from_back=from_back)

    async def _find(
        self, filters: Document, fields: Document, *, at: CommitTime | None = None
    ) -> list[dict[str, Any]]:
        return all_decoded(await self._find_raw(filters, fields, at=at))

    async def _find_raw(
        self,
        filters: Document,
        fields: Document,
        *,
        sort: list[tuple[str, int]] | None = None,
        limit: int = 0,
        hint: str | None = None,
        at: CommitTime | None = None,
    ) -> list[RawBSONDocument]:
        raw: Any = self._at(at).with_options(codec_options=RAW)

        async def find() -> list[RawBSONDocument]:
            found = raw.find(filters, fields, sort=sort, limit=limit, hint=hint)
            documents: list[RawBSONDocument] = await found.to_list(None)
            return documents

        with driver_faults(at=at):
            return await (self._caught_up.read(find) if at is None else find())

    def _at(self, moment: CommitTime | None) -> Stored:
        if moment is None:
            return self._teams
        return self._teams.with_options(read_concern=SnapshotReads(moment))


def _live_teams(name_contains: str | None) -> dict[str, Any]:
    if not name_contains:
        return dict(LIVE)
    return {**LIVE, "name": {"$regex": re.escape(name_contains), "$options": "i"}}


def _read_members(document: Document) -> Page[UserId, MemberPosition] | TeamDamaged:
    try:
        version = read_version(document)
    except TeamDamaged as damaged:
        return damaged
    start, member_count = document["slice"]["start"], document["memberCount"]
    user_ids = read_user_ids(document["slice"])
    items = tuple(
        (user_id, MemberPosition(index, user_id, version, member_count))
        for index, user_id in enumerate(user_ids, start)
    )
    return Page(
        items,
        has_next=start + len(items) < member_count,
        has_previous=start > 0,
    )
