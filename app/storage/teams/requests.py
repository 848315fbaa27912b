"""Requests that have changed something, remembered long after their team has forgotten them.

A team remembers its last requests in the write that they made; the recorder copies them here with
the change log. A request is new if it stands in neither place. For this to be certain, a team takes
a change with a request id only while what it remembers reaches back to what is recorded.
"""

from typing import Any

from pymongo import DESCENDING, UpdateOne

from app.domain.changes import Attribution, ChangeKind
from app.domain.ids import TeamId
from app.storage.client import Client, requests_of, team_changes_of
from app.storage.errors import driver_faults
from app.storage.teams.documents import RECORDED_VERSION, REMEMBERED_REQUESTS, Document, RequestMark


class RecordedRequests:
    """What the recorder has written down of requests. All of it only grows, until it expires."""

    def __init__(self, client: Client, database: str) -> None:
        self._requests = requests_of(client, database)
        self._changes = team_changes_of(client, database)

    async def find(self, by: Attribution) -> RequestMark | None:
        """The mark of an earlier sending, if it is recorded."""
        if by.request_id is None:
            return None
        key = {"id": by.request_id, "actorId": by.actor_id}
        with driver_faults():
            found: dict[str, Any] | None = await self._requests.find_one(key)
        if found is None:
            return None
        return RequestMark(found["teamId"], found["input"], found.get("otherTeamId"))

    async def bound(self, team_id: TeamId) -> int:
        """The version from which on a team might have forgotten a request that is not recorded.

        A change is made on a lower version only. This is read before `find` and before that write,
        and safely so: what is recorded can only have grown since, and the true bound with it.
        """
        with driver_faults():
            last: dict[str, Any] | None = await self._changes.find_one(
                {"teamId": team_id, "version": RECORDED_VERSION},
                {"version": 1, "_id": 0},
                sort=[("version", DESCENDING)],
            )
        return (last["version"] if last else 0) + REMEMBERED_REQUESTS


def remember(change: Document) -> UpdateOne | None:
    """The write that remembers the request behind a change, for the recorder's transaction.

    A move is remembered with its second half, the joining, which names both teams. The moment from
    which on it is forgotten is the database's: the clock of the host that made the change may lag.
    """
    is_first_half = change["kind"] == ChangeKind.USER_LEFT_TEAM.value and "otherTeamId" in change
    if "requestId" not in change or "input" not in change or is_first_half:
        return None
    fields = ("teamId", "input", "otherTeamId")
    return UpdateOne(
        {"id": change["requestId"], "actorId": change.get("actorId")},
        {
            "$setOnInsert": {field: change[field] for field in fields if field in change},
            "$currentDate": {"at": True},
        },
        upsert=True,
    )
