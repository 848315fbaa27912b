"""What is written down about a change: its kind, who asked for it, when, under which request id."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from hashlib import sha256
from typing import Final

from app.domain.ids import RequestId, UserId


class ChangeKind(StrEnum):
    """The kinds of change; the values are the stored spelling and the schema's type names."""

    TEAM_CREATED = "TeamCreated"
    TEAM_RENAMED = "TeamRenamed"
    CAPACITY_CHANGED = "CapacityChanged"
    USER_JOINED_TEAM = "UserJoinedTeam"
    USER_LEFT_TEAM = "UserLeftTeam"
    TEAM_DELETED = "TeamDeleted"


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
