"""Changes of memberships that one write can make: its condition, its update, the teams after it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.changes import Attribution, ChangeKind
from app.domain.ids import TeamId, UserId, Version
from app.domain.teams import Team
from app.storage.documents import Document, stored_team_id
from app.storage.teams.documents import MEMBER_COUNT, last_change


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """One user's joining or leaving of a team."""

    kind: ChangeKind
    team_id: TeamId
    user_id: UserId
    by: Attribution


def condition_of(
    changes: Sequence[MembershipChange], default_capacity: int, *, must_be_full: bool = False
) -> Document:
    """The filter of a team on which all of these changes, of one kind, can be made.

    With `must_be_full`, only if the last join takes the last place. *Held by*: G2 `$nin`, G4
    `$expr`.
    """
    user_ids = [change.user_id for change in changes]
    stored_id = stored_team_id(changes[0].team_id)
    if changes[0].kind is ChangeKind.USER_LEFT_TEAM:
        return {"_id": stored_id, "userIds": {"$all": user_ids}}
    room = {"$cond": [_HAS_CAPACITY, "$capacity", default_capacity]}
    return {
        "_id": stored_id,
        "userIds": {"$nin": user_ids},
        "$expr": {
            "$eq" if must_be_full else "$lte": [{"$add": [MEMBER_COUNT, len(changes)]}, room]
        },
    }


_HAS_CAPACITY: Document = {"$in": [{"$type": "$capacity"}, ["int", "long"]]}


def update_of(
    changes: Sequence[MembershipChange], other_team_id: TeamId | None = None
) -> dict[str, Any]:
    """The update that makes these changes, of one kind, in this order.

    `lastChange` describes the last of them, and its field `earlier` those of the versions before.
    """
    user_ids = [change.user_id for change in changes]
    details = {"otherTeamId": other_team_id} if other_team_id else {}
    *earlier, last = (
        last_change(change.kind, change.by, userId=change.user_id, **details) for change in changes
    )
    if earlier:
        # The request is recorded once, with the last change.
        last["earlier"] = [{k: v for k, v in each.items() if k != "input"} for each in earlier]
    if changes[0].kind is ChangeKind.USER_LEFT_TEAM:
        return {"$pullAll": {"userIds": user_ids}, "$set": {"lastChange": last}}
    return {"$push": {"userIds": {"$each": user_ids}}, "$set": {"lastChange": last}}


def teams_after(changes: Sequence[MembershipChange], team: Team) -> list[Team]:
    """The team after each of the changes that one write made; `team` is the one after the last."""
    step = 1 if changes[0].kind is ChangeKind.USER_JOINED_TEAM else -1
    return [
        replace(
            team,
            version=Version(team.version - later),
            updated_at=change.by.at,
            member_count=None if team.member_count is None else team.member_count - step * later,
        )
        for later, change in zip(reversed(range(len(changes))), changes, strict=True)
    ]
