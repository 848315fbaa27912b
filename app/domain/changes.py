"""Changes: the attribution written with one, and its entry in the change log."""

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
    # Entries for versions that were not written by this service, or not recorded completely.
    FOREIGN_CHANGE = "ForeignChange"
    HISTORY_GAP = "HistoryGap"
    # An entry of the log that this release can't read. It is skipped, never shown.
    UNREADABLE = "Unreadable"


class Unchanged(Enum):
    """The type of `UNCHANGED`: a field that an update leaves as it is, where None has a meaning."""

    TOKEN = auto()


UNCHANGED: Final = Unchanged.TOKEN


@dataclass(frozen=True, slots=True)
class Attribution:
    """The actor and time of a change, and the means to recognise a repeated request.

    `input_digest` is a hash of the operation and its whole input. A request id that comes with
    another digest was used before for a different request. `left_out` has the bit `1 << index` for
    each listed user who is not added, so that a repetition can say who was.
    """

    actor_id: UserId | None
    at: datetime
    request_id: RequestId | None
    input_digest: str
    left_out: int = 0


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

    `position` orders the entries of all teams: it grows by one with each, and a cursor encodes
    it. Of the optional fields, those of the kind are set. A `HISTORY_GAP` stands for all versions
    from `from_version` to `version`, of which nothing else is known. A `TEAM_RENAMED` that
    `sets_capacity` has set it too. `commit_time` is None if the change was not read from the change
    stream.
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
    sets_capacity: bool = False
    request_id: RequestId | None = None
    other_team_id: TeamId | None = None
    from_version: Version | None = None
    commit_time: CommitTime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One commit time `at` of the database, and the last position of the change log at that time.

    Teams read `at` it contain every change committed up to then. The log may record some of these
    later, at positions after `position`; their `commit_time` distinguishes them.
    """

    position: int
    at: CommitTime
