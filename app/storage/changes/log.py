"""Reads of the change log: by team and version, by user, and over all teams by position."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from app.domain.changes import Change, ChangeKind, Moment
from app.domain.ids import LAST_VERSION, TeamId, UserId, Version
from app.domain.pages import HistoryPage, PageRequest
from app.domain.snapshots import OPAQUE_KINDS
from app.storage.changes.documents import read_change
from app.storage.client import Client, settled, team_changes_of
from app.storage.documents import RAW, Document, all_decoded, find_at_a_moment
from app.storage.elections import CaughtUpReads
from app.storage.errors import driver_faults

# Skips values of other types, which external writers may have stored.
_NUMBER: Document = {"$type": ["int", "long"]}
_END = 2**50
POSITION: Document = {**_NUMBER, "$lt": _END}


class MongoChangeLog:
    """`ChangeLog` on MongoDB. *Held by*: G6; entries never change."""

    def __init__(self, client: Client, database: str) -> None:
        self._changes = team_changes_of(client, database)
        self._raw = self._changes.with_options(codec_options=RAW)
        self._caught_up = CaughtUpReads(client, database)

    async def changes_of_team(
        self,
        team_id: TeamId,
        *,
        after: Version | None,
        limit: int,
        up_to: Version | None = None,
        newest_first: bool = False,
    ) -> Sequence[Change]:
        # Walks `one_change_per_version`.
        above: Document = {"$gt": after or 0, **_NUMBER}
        versions = above if up_to is None else {**above, "$lte": up_to}
        direction = DESCENDING if newest_first else ASCENDING
        return await self._find(
            {"teamId": team_id, "version": versions}, "version", limit, direction=direction
        )

    async def last_change_by(self, team_id: TeamId, at: datetime) -> Change | None:
        return await self._last(team_id, LAST_VERSION, {"at": {"$lte": at}})

    async def last_change_of_name(self, team_id: TeamId, *, up_to: Version) -> Change | None:
        return await self._last_setting(team_id, up_to, {"name": {"$exists": True}})

    async def last_change_of_capacity(self, team_id: TeamId, *, up_to: Version) -> Change | None:
        sizing = {"kind": {"$in": [ChangeKind.TEAM_CREATED, ChangeKind.CAPACITY_CHANGED]}}
        return await self._last_setting(
            team_id, up_to, {"$or": [{"capacity": {"$exists": True}}, sizing]}
        )

    async def _last_setting(
        self, team_id: TeamId, up_to: Version, setting: Document
    ) -> Change | None:
        told = {"kind": {"$in": [kind for kind in ChangeKind if kind not in OPAQUE_KINDS]}}
        last = await self._last(team_id, up_to, {"$or": [setting, {"$nor": [told]}]})
        if last is None or last.kind in OPAQUE_KINDS:
            return None
        # An entry that an external writer has removed may have been a later setting.
        since: Document = {"teamId": team_id, "version": {"$gt": last.version, "$lte": up_to}}
        with driver_faults():
            count = await self._changes.count_documents(since)
        return last if count == up_to - last.version else None

    async def _last(self, team_id: TeamId, up_to: Version, filters: Document) -> Change | None:
        # Walks `one_change_per_version` and examines the entries until one fits.
        versions = {**_NUMBER, "$lte": up_to}
        found = {"teamId": team_id, "version": versions, **filters}
        changes = await self._find(found, "version", 1, direction=DESCENDING)
        return changes[0] if changes else None

    async def changes_after(self, position: int, *, limit: int) -> Sequence[Change]:
        # Walks `one_change_per_position`.
        return await self._find({"position": {"$gt": position, **POSITION}}, "position", limit)

    async def changes_on(self, page: PageRequest[Moment]) -> Sequence[Change]:
        # Walks `one_change_per_position`.
        after = None if page.after is None else await self._last_position_at(page.after)
        before = None if page.before is None else page.before.position
        if page.before is not None and page.before.at:
            before = await self._last_position_at(page.before) + 1
        position, direction = _walk(HistoryPage(page.size, after, before, page.from_back))
        readable: Document = {"version": _NUMBER, "teamId": {"$type": "string"}}
        changes = await self._find(
            {"position": position, **readable}, "position", page.size, direction=direction
        )
        return changes[::-1] if page.from_back else changes

    async def _last_position_at(self, moment: Moment) -> int:
        """The position of the last change committed up to the moment."""
        if not moment.at:
            return moment.position
        later: Document = {
            "position": {**POSITION, "$gt": moment.position},
            "commitTime": {"$gt": moment.at},
        }
        first = await self._find(later, "position", 1)
        return first[0].position - 1 if first else _END

    async def histories_of_teams(
        self, team_ids: Collection[TeamId], page: HistoryPage
    ) -> Mapping[TeamId, Sequence[Change]]:
        # Walks `changes_by_team`.
        histories: dict[TeamId, list[Change]] = {team_id: [] for team_id in team_ids}
        for change in await self._histories("teamId", list(histories), page):
            histories[change.team_id].append(change)
        return histories

    async def histories_of_users(
        self, user_ids: Collection[UserId], page: HistoryPage
    ) -> Mapping[UserId, Sequence[Change]]:
        # Walks `changes_by_user`.
        histories: dict[UserId, list[Change]] = {user_id: [] for user_id in user_ids}
        for change in await self._histories("userId", list(histories), page):
            if change.user_id is not None:
                histories[change.user_id].append(change)
        return histories

    async def _histories(
        self, field: str, ids: Sequence[str], page: HistoryPage
    ) -> Sequence[Change]:
        """The pages of all ids in one query, which reads only those entries from the index."""
        position, direction = _walk(page)
        within: list[Document] = [
            {"$match": {"position": position, "version": _NUMBER}},
            {"$sort": {"position": direction}},
            {"$limit": page.size},
        ]
        lookup = {
            "from": self._changes.name,
            "localField": "id",
            "foreignField": field,
            "pipeline": within,
            "as": "change",
        }
        # The ids need a document to start from, any one of the log: `$documents` would do without,
        # but requires a privilege on the whole database.
        pipeline: list[Document] = [
            {"$limit": 1},
            {"$project": {"_id": 0, "id": {"$literal": list(ids)}}},
            {"$unwind": "$id"},
            {"$lookup": lookup},
            {"$unwind": "$change"},
            {"$replaceRoot": {"newRoot": "$change"}},
        ]
        with driver_faults():
            cursor = await settled(self._raw.aggregate(pipeline))
            found = self._read(await cursor.to_list(None))
        return found[::-1] if page.from_back else found

    async def first_position(self) -> int:
        first = await self._find({"position": POSITION}, "position", 1)
        return first[0].position - 1 if first else 0

    async def last_position(self) -> int:
        last = await self._find({"position": POSITION}, "position", 1, direction=DESCENDING)
        return last[0].position if last else 0

    async def moment(self) -> Moment:
        # One snapshot read gives both, so that they are consistent.
        with driver_faults():
            found, at = await self._caught_up.read(
                lambda: find_at_a_moment(
                    self._changes,
                    {"position": POSITION},
                    {"_id": 0, "position": 1},
                    sort={"position": DESCENDING},
                    limit=1,
                )
            )
        return Moment(found[0]["position"] if found else 0, at)

    async def catch_up(self) -> None:
        with driver_faults():
            await self._caught_up.catch_up()

    async def _find(
        self, found: Document, order: str, limit: int, *, direction: int = ASCENDING
    ) -> Sequence[Change]:
        with driver_faults():
            documents = self._raw.find(found).sort(order, direction).limit(limit)
            return self._read(await documents.to_list(None))

    def _read(self, documents: Sequence[Document]) -> Sequence[Change]:
        return [read_change(each) for each in all_decoded(documents)]


def _walk(page: HistoryPage) -> tuple[Document, int]:
    """The positions of a page, and the direction in which they are read from its start."""
    after, before = page.after, _END if page.before is None else page.before
    if page.newest_first:
        after, before = page.before, _END if page.after is None else page.after
    above = {} if after is None else {"$gt": after}
    direction = DESCENDING if page.newest_first != page.from_back else ASCENDING
    return {**POSITION, **above, "$lt": min(before, _END)}, direction
