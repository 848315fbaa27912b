"""Choice of the one team to keep for a user on several teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.doctor.rules.stored_team import TeamKey
from app.domain.ids import TeamId


class Keep(StrEnum):
    """Policies.

    The old data does not record when a user joined. FIRST_JOINED is an estimate from the creation
    time of the team (`createdAt`, else that of its ObjectId) and the user's position in its array.
    """

    FIRST_JOINED = "first-joined"
    SMALLEST_TEAM = "smallest-team"
    ASK_FILE = "ask-file"


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's position on one of several teams; `made_at` is in milliseconds, None if unknown."""

    key: TeamKey
    team_id: TeamId
    team_name: str
    made_at: int | None
    size: int
    place: int


def choose_membership(
    memberships: Sequence[Membership], keep: Keep, answer: TeamId | None = None
) -> Membership | None:
    """The membership to keep; None if the policy needs an answer that is missing or invalid.

    Deterministic: ties go to the older team, then to the earlier position, then to the lesser id.
    """
    if keep is Keep.ASK_FILE:
        return next((each for each in by_age(memberships) if each.team_id == answer), None)
    if keep is Keep.SMALLEST_TEAM:
        return min(by_age(memberships), key=lambda each: each.size)
    return by_age(memberships)[0]


def by_age(memberships: Sequence[Membership]) -> Sequence[Membership]:
    """Sort by age of the team, oldest first, unknown age last."""

    def age(each: Membership) -> tuple[bool, int, int, str]:
        return (each.made_at is None, each.made_at or 0, each.place, each.team_id)

    return sorted(memberships, key=age)
