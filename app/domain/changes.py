"""Changes: what is written down about one before, and what the change log tells of it after."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from hashlib import sha256
from typing import Final

from app.domain.ids import CommitTime, RequestId, TeamId, UserId, Version


class ChangeKind(StrEnum):
    """The kinds of change; the values are the stored spelling and the schema's type names."""

    TEAM_CREATED = "TeamCreated"
    TEAM_RENAMED = "TeamRenamed"
    CAPACITY_CHANGED = "CapacityChanged"
    USER_JOINED_TEAM = "UserJoinedTeam"
    USER_LEFT_TEAM = "UserLeftTeam"
    TEAM_DELETED = "TeamDeleted"
    # What the log says of versions that did not come through this service whole.
    FOREIGN_CHANGE = "ForeignChange"
    HISTORY_GAP = "HistoryGap"
    # An entry of the log that this release can't read, and passes over; it is never shown.
    UNREADABLE = "Unreadable"


class Unchanged(Enum):
    """The type of `UNCHANGED`: a field that an update leaves as it is, where None has a meaning."""

    TOKEN = auto()


UNCHANGED: Final = Unchanged.TOKEN


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who asked for a change and when, and how a repetition of the same request is recognised.

    `input_digest` stands for the operation and its whole input. A request id that comes back with
    another digest was used twice for different things.
    """

    actor_id: UserId | None
    at: datetime
    request_id: RequestId | None
    input_digest: str


def attribute(
    operation: str, *given: object, actor_id: UserId | None, request_id: RequestId | None
) -> Attribution:
    """The attribution of `operation` with the input `given`, as of now.

    The instant is cut to milliseconds, since BSON keeps no more.
    """
    now = datetime.now(UTC)
    return Attribution(
        actor_id=actor_id,
        at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        request_id=request_id,
        input_digest=sha256(repr((operation, given)).encode()).hexdigest()[:32]
        if request_id
        else "",
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log: a change of one team, identified by team id and version.

    `position` orders the entries of all teams: it grows by one with each, and a cursor is made of
    it. Only what the kind calls for is set of the rest. A `HISTORY_GAP` stands for all versions
    from `from_version` to `version`, of which nothing else is known. `commit_time` is None where
    the change was not seen as it happened.
    """

    position: int
    team_id: TeamId
    version: Version
    kind: ChangeKind
    at: datetime
    actor_id: UserId | None = None
    user_id: UserId | None = None
    name: str | None = None
    capacity: int | None = None
    request_id: RequestId | None = None
    other_team_id: TeamId | None = None
    from_version: Version | None = None
    commit_time: CommitTime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the whole database: how far the change log had come when it was `at`.

    What is read of the teams `at` it holds every change committed up to then. Of these the log may
    record some only later, at positions after `position`; their `commit_time` tells them apart.
    """

    position: int
    at: CommitTime
