"""The form of a document in `teams`: one function that reads it, one that writes each part.

_id              ObjectId; a string where another program made the team
name             string
userIds          array of strings, each once
version          integer, 1 when created
capacity         integer, absent where the service's default holds
createdAt, updatedAt, deletedAt
creation         who created the team: actorId, requestId, input
lastChange       what the last write was: kind, userId, actorId, at, requestId, ...
requests         the last requests that changed the team: id, actorId, input, otherTeamId
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from app.domain.changes import Attribution, ChangeKind
from app.domain.ids import TeamId, UserId, Version
from app.domain.teams import Team

Document = Mapping[str, Any]

# How many requests a team remembers until they are recorded, which takes milliseconds. Each adds
# some 100 bytes to every rewrite of the document.
REMEMBERED_REQUESTS = 50

_OBJECT_ID = re.compile("[0-9a-f]{24}")

LIVE: Document = {"deletedAt": None}

_TEAM_FIELDS: Document = {"name": 1, "version": 1, "capacity": 1, "createdAt": 1, "updatedAt": 1}
_WITH_MEMBER_COUNT: Document = {**_TEAM_FIELDS, "memberCount": {"$size": "$userIds"}}


def team_fields(*, with_member_count: bool) -> Document:
    """The projection that `read_team` needs: small fields and the array's size, never the array.

    The count is asked for only where it is wanted, since the server walks the array for it.
    """
    return _WITH_MEMBER_COUNT if with_member_count else _TEAM_FIELDS


def stored_team_id(team_id: TeamId) -> ObjectId | str:
    """The `_id` that stands for a team id: an ObjectId where it spells one as we do.

    Spelled in capitals it would find the same document under an id that is not the team's.
    """
    return ObjectId(team_id) if _OBJECT_ID.fullmatch(team_id) else team_id


def read_team_id(document: Document) -> TeamId:
    """The team id of a document."""
    return TeamId(str(document["_id"]))


def read_team(document: Document, default_capacity: int) -> Team:
    """The team in a document that was read with `team_fields`.

    Another program's documents may lack the times: they then count as made when their ObjectId
    was, or at the epoch.
    """
    created_at = document.get("createdAt") or _made_at(document["_id"])
    capacity = document.get("capacity")
    return Team(
        id=read_team_id(document),
        name=document["name"],
        version=Version(document["version"]),
        capacity=capacity,
        limit=default_capacity if capacity is None else capacity,
        created_at=created_at,
        updated_at=document.get("updatedAt") or created_at,
        member_count=document.get("memberCount"),
    )


def _made_at(stored_id: ObjectId | str) -> datetime:
    if isinstance(stored_id, ObjectId):
        return stored_id.generation_time
    return datetime.fromtimestamp(0, UTC)


def new_team(*, name: str, capacity: int | None, by: Attribution) -> dict[str, Any]:
    """The document of a team at version 1."""
    document = {
        "_id": ObjectId(),
        "name": name,
        "userIds": [],
        "version": 1,
        "createdAt": by.at,
        "updatedAt": by.at,
        "creation": {"actorId": by.actor_id},
        "lastChange": last_change(ChangeKind.TEAM_CREATED, by, name=name, capacity=capacity),
    }
    if capacity is not None:
        document["capacity"] = capacity
    if by.request_id is not None:
        document["creation"] = _request_mark(by, id_field="requestId")
    return document


def last_change(kind: ChangeKind, by: Attribution, **details: object) -> dict[str, Any]:
    """What a write says about itself, set as a whole: so the change stream carries it whole."""
    change = {
        "kind": kind.value,
        **details,
        "actorId": by.actor_id,
        "at": by.at,
        "requestId": by.request_id,
    }
    if by.request_id is not None:
        change["input"] = by.input_digest
    return change


def unseen_request(by: Attribution) -> dict[str, Any]:
    """The filter clause that lets a request change a team once.

    Two sendings of one request race for the same document: whichever comes second finds the
    other's mark, since the mark is pushed by the write that it guards.
    """
    if by.request_id is None:
        return {}
    mark = {"id": by.request_id, "actorId": by.actor_id}
    return {"requests": {"$not": {"$elemMatch": mark}}}


def remember_request(by: Attribution, other_team_id: TeamId | None = None) -> dict[str, Any]:
    """The `$push` clause that leaves the request's mark on the team."""
    if by.request_id is None:
        return {}
    mark = _request_mark(by, id_field="id")
    if other_team_id is not None:
        mark["otherTeamId"] = other_team_id
    return {"requests": {"$each": [mark], "$slice": -REMEMBERED_REQUESTS}}


def _request_mark(by: Attribution, *, id_field: str) -> dict[str, Any]:
    return {id_field: by.request_id, "actorId": by.actor_id, "input": by.input_digest}


@dataclass(frozen=True, slots=True)
class RequestMark:
    """What is remembered of a request: what it did, and to which team or teams."""

    team_id: TeamId
    input_digest: str
    other_team_id: TeamId | None = None


def read_creation_mark(document: Document) -> RequestMark:
    """The mark of the request that created a team."""
    return RequestMark(read_team_id(document), document["creation"]["input"])


def read_request_mark(document: Document, by: Attribution) -> RequestMark | None:
    """A request's mark among those that a team remembers, if they were read."""
    for mark in document.get("requests", ()):
        if mark["id"] == by.request_id and mark["actorId"] == by.actor_id:
            return RequestMark(read_team_id(document), mark["input"], mark.get("otherTeamId"))
    return None


def read_user_ids(document: Document, field: str = "userIds") -> tuple[UserId, ...]:
    """The user ids that were read of a document."""
    return tuple(UserId(user_id) for user_id in document[field])
