"""Idempotency by request id: marks on the teams, and the collection `requests`.

A write marks its team with its request id; a team keeps its last `REMEMBERED_REQUESTS` marks. The
recorder copies them to `requests` together with the change log, where they stay until they expire.
A request is new if it is in neither place. To be certain of that, a team accepts a change with a
request id only while its marks reach back to the last recorded change. The mark of `addUsersToTeam`
has one bit per user left out, so that a replay can show who was added.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pymongo import DESCENDING, UpdateOne

from app.domain.changes import Attribution, ChangeKind
from app.domain.ids import TeamId
from app.storage.client import Client, requests_of, team_changes_of
from app.storage.documents import RECORDED_VERSION, Document, is_text, read_team_id
from app.storage.errors import driver_faults

# Recording takes milliseconds. Each mark adds some 100 bytes to every rewrite of the document.
REMEMBERED_REQUESTS = 50


@dataclass(frozen=True, slots=True)
class RequestMark:
    """The record of an accepted request: its input, and the team or teams that it changed."""

    team_id: TeamId
    input_digest: str
    other_team_id: TeamId | None = None
    left_out: int = 0

    @classmethod
    def of(cls, team_id: TeamId, input_: str, other_team_id: TeamId | None = None) -> Self:
        """The mark with the stored `input`."""
        match = _INPUT.fullmatch(input_)
        digest, left_out = match.groups() if match else (input_, "0")
        return cls(team_id, digest, other_team_id, int(left_out, 16))


_INPUT = re.compile(r"([0-9a-f]+)\.([0-9a-f]{1,25})")


def stored_input(by: Attribution) -> str:
    """The field `input`: the digest, and after a dot, in hexadecimal, the users left out if any."""
    return f"{by.input_digest}.{by.left_out:x}" if by.left_out else by.input_digest


def request_mark(by: Attribution, *, id_field: str = "id") -> dict[str, Any]:
    """The mark as a team stores it; the creation's stores the id as `requestId`."""
    return {id_field: by.request_id, "actorId": by.actor_id, "input": stored_input(by)}


def unseen_request(by: Attribution) -> dict[str, Any]:
    """The filter clause by which a request changes a team only once.

    Two sendings of one request race for the same document: whichever comes second finds the
    other's mark, since the mark is pushed by the write that it guards.
    """
    if by.request_id is None:
        return {}
    mark = {"id": by.request_id, "actorId": by.actor_id}
    return {"requests": {"$not": {"$elemMatch": mark}}}


def push_mark(by: Attribution, other_team_id: TeamId | None = None) -> dict[str, Any]:
    """The `$push` clause that marks the team with the request."""
    if by.request_id is None:
        return {}
    mark = request_mark(by)
    if other_team_id is not None:
        mark["otherTeamId"] = other_team_id
    return {"requests": {"$each": [mark], "$slice": -REMEMBERED_REQUESTS}}


def read_creation_mark(document: Document) -> RequestMark:
    """The mark of the request that created the team."""
    creation = document.get("creation")
    digest = creation.get("input") if isinstance(creation, Mapping) else None
    return RequestMark.of(read_team_id(document), str(digest))


def read_request_mark(document: Document, by: Attribution) -> RequestMark | None:
    """The mark of this request on the team, if `requests` was read and has it."""
    marks = document.get("requests")
    for mark in marks if isinstance(marks, list) else ():
        if not isinstance(mark, Mapping) or mark.get("id") != by.request_id:
            continue
        if mark.get("actorId") == by.actor_id:
            other = mark.get("otherTeamId")
            return RequestMark.of(
                read_team_id(document),
                str(mark.get("input")),
                TeamId(other) if is_text(other) else None,
            )
    return None


class RecordedRequests:
    """The recorded marks. They only increase, until they expire."""

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
        return RequestMark.of(found["teamId"], found["input"], found.get("otherTeamId"))

    async def all_remembered(self, team_id: TeamId, by: Attribution) -> Document | None:
        """The filter clause that the team's marks reach back to the last recorded change.

        None if the request is recorded already. A team with free places for marks has never
        dropped one, however far it is ahead of the log: one write may add 100 versions.
        """
        # The bound is read first. Otherwise a first sending could be recorded, and its mark be
        # dropped by the team, between the two reads: not found here, and below a bound that has
        # grown since.
        bound = await self.bound(team_id)
        if await self.find(by) is not None:
            return None
        has_free_place = {f"requests.{REMEMBERED_REQUESTS - 1}": {"$exists": False}}
        return {"$or": [{"version": {"$lt": bound}}, has_free_place]}

    async def bound(self, team_id: TeamId) -> int:
        """The version from which on a team may have dropped a mark that is not recorded yet.

        It is read before `find` and before that write, which is safe: recording can only have
        advanced since, and the true bound with it.
        """
        with driver_faults():
            last: dict[str, Any] | None = await self._changes.find_one(
                {"teamId": team_id, "version": RECORDED_VERSION},
                {"version": 1, "_id": 0},
                sort=[("version", DESCENDING)],
            )
        return (last["version"] if last else 0) + REMEMBERED_REQUESTS


def record_request(change: Document) -> UpdateOne | None:
    """The write that records the request of a change, for the recorder's transaction.

    A move is recorded with its second half, the joining, which names both teams. The database's
    clock decides when the record expires: the clock of the host that made the change may lag.
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
