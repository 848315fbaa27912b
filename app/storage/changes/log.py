"""Reads of the change log: by team and version, by user, and over all teams by position."""

from collections.abc import Collection, Mapping, Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.read_concern import ReadConcern

from app.domain.changes import Change, Moment
from app.domain.ids import TeamId, UserId, Version
from app.domain.pages import HistoryPage
from app.storage.changes.documents import read_change
from app.storage.changes.lease import RECORDER_ID
from app.storage.client import Client, recorder_of, team_changes_of
from app.storage.documents import RAW, Document, all_decoded, read_commit_time
from app.storage.errors import driver_faults

# Skips values of other types, which external writers may have stored.
_NUMBER: Document = {"$type": ["int", "long"]}
POSITION: Document = {**_NUMBER, "$lt": 2**50}


class MongoChangeLog:
    """`ChangeLog` on MongoDB. *Held by*: G6; entries never change."""

    def __init__(self, client: Client, database: str) -> None:
        self._changes = team_changes_of(client, database)
        self._raw = self._changes.with_options(codec_options=RAW)
        self._recorder = recorder_of(client, database).with_options(
            read_concern=ReadConcern("linearizable")
        )

    async def changes_of_team(
        self, team_id: TeamId, *, after: Version | None, limit: int
    ) -> Sequence[Change]:
        # Walks `one_change_per_version`.
        found: Document = {"teamId": team_id, "version": {"$gt": after or 0, **_NUMBER}}
        return await self._find(found, "version", limit)

    async def changes_after(self, position: int, *, limit: int) -> Sequence[Change]:
        # Walks `one_change_per_position`.
        return await self._find({"position": {"$gt": position, **POSITION}}, "position", limit)

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
        order, beyond = (DESCENDING, "$lt") if page.newest_first else (ASCENDING, "$gt")
        within: list[Document] = [{"$sort": {"position": order}}, {"$limit": page.limit}]
        after = {} if page.after is None else {beyond: page.after}
        position = {**POSITION, **after}
        within.insert(0, {"$match": {"position": position, "version": _NUMBER}})
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
            return self._read(await self._raw.aggregate(pipeline).to_list(None))

    async def first_position(self) -> int:
        first = await self._find({"position": POSITION}, "position", 1)
        return first[0].position if first else 0

    async def last_position(self) -> int:
        last = await self._find({"position": POSITION}, "position", 1, direction=DESCENDING)
        return last[0].position if last else 0

    async def moment(self) -> Moment:
        # One snapshot read gives both, so that they are consistent.
        with driver_faults():
            answer = await self._changes.database.command(
                "find",
                self._changes.name,
                filter={"position": POSITION},
                projection={"_id": 0, "position": 1},
                sort={"position": DESCENDING},
                limit=1,
                readConcern={"level": "snapshot"},
            )
        cursor = answer["cursor"]
        position = cursor["firstBatch"][0]["position"] if cursor["firstBatch"] else 0
        return Moment(position, read_commit_time(cursor["atClusterTime"]))

    async def catch_up(self) -> None:
        # For a linearizable read the primary writes a no-op and waits until it is on a majority,
        # and so is everything that the primary had before. The document need not exist.
        with driver_faults():
            await self._recorder.find_one({"_id": RECORDER_ID}, {"_id": 1})

    async def _find(
        self, found: Document, order: str, limit: int, *, direction: int = ASCENDING
    ) -> Sequence[Change]:
        with driver_faults():
            documents = self._raw.find(found).sort(order, direction).limit(limit)
            return self._read(await documents.to_list(None))

    def _read(self, documents: Sequence[Document]) -> Sequence[Change]:
        return [read_change(each) for each in all_decoded(documents, self._changes.codec_options)]
