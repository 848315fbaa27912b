"""A team at one of its versions, reconstructed from its changes; what they lack is `UNKNOWN`."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from app.domain.changes import Change, ChangeKind
from app.domain.ids import UserId, Version


class Unknown(Enum):
    """The type of `UNKNOWN`, where None has a meaning."""

    TOKEN = auto()


UNKNOWN: Final = Unknown.TOKEN

# The effect of these is unknown. A `TEAM_DELETED` is followed by another change only if
# an external writer has restored the team.
OPAQUE_KINDS: Final = frozenset(
    {ChangeKind.FOREIGN_CHANGE, ChangeKind.HISTORY_GAP, ChangeKind.TEAM_DELETED}
)


@dataclass(slots=True)
class TeamState:
    """The state of a team, taken from one version to the next or the previous one."""

    name: str | Unknown = UNKNOWN
    capacity: int | Unknown | None = UNKNOWN
    user_ids: set[UserId] | Unknown = UNKNOWN

    def apply(self, change: Change) -> None:
        """Go on to the version that the change made."""
        match change.kind:
            case ChangeKind.TEAM_CREATED:
                self.name, self.capacity, self.user_ids = change.name or "", change.capacity, set()
            case ChangeKind.TEAM_RENAMED:
                self.name = change.name or ""
                self.capacity = change.capacity if change.sets_capacity else self.capacity
            case ChangeKind.CAPACITY_CHANGED:
                self.capacity = change.capacity
            case ChangeKind.USER_JOINED_TEAM:
                self._move(change.user_id, is_member=True)
            case ChangeKind.USER_LEFT_TEAM:
                self._move(change.user_id, is_member=False)
            case _:
                self.forget()

    def undo(self, change: Change) -> None:
        """Go back to the version before the change."""
        match change.kind:
            case ChangeKind.TEAM_RENAMED:
                self.name = UNKNOWN
                self.capacity = UNKNOWN if change.sets_capacity else self.capacity
            case ChangeKind.CAPACITY_CHANGED:
                self.capacity = UNKNOWN
            case ChangeKind.USER_JOINED_TEAM:
                self._move(change.user_id, is_member=False)
            case ChangeKind.USER_LEFT_TEAM:
                self._move(change.user_id, is_member=True)
            case _:
                self.forget()

    def completed_by(self, other: "TeamState") -> "TeamState":
        """This state, with its unknown fields taken from another state of the same version."""
        return TeamState(
            other.name if self.name is UNKNOWN else self.name,
            other.capacity if self.capacity is UNKNOWN else self.capacity,
            other.user_ids if self.user_ids is UNKNOWN else self.user_ids,
        )

    def forget(self) -> None:
        """Apply or undo a change whose effect is unknown."""
        self.name = self.capacity = self.user_ids = UNKNOWN

    def _move(self, user_id: UserId | None, *, is_member: bool) -> None:
        if self.user_ids is UNKNOWN:
            return
        if user_id is None or (user_id in self.user_ids) == is_member:
            self.user_ids = UNKNOWN  # The log and the team contradict each other.
        elif is_member:
            self.user_ids.add(user_id)
        else:
            self.user_ids.remove(user_id)


@dataclass(frozen=True, slots=True)
class TeamSnapshot:
    """A team at `version`, from `since` until `until`; None for the current version."""

    version: Version
    state: TeamState
    since: datetime | Unknown
    until: datetime | Unknown | None


@dataclass(frozen=True, slots=True)
class VersionUnknown:
    """The change log does not tell which version the team had at that time."""
