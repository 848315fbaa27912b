"""The entries that an effect makes in the change log: one, or for a move one in each team."""

from dataclasses import dataclass
from enum import Enum, auto

from tests.lab.checker.effects import Effect
from tests.lab.checker.history import Accepted, Kind, LoggedChange
from tests.lab.checker.register import ADDS, REMOVES


class Part(Enum):
    """The part of an effect in an entry: leaving or joining for a move, else the whole."""

    ONLY = auto()
    LEAVING = auto()
    JOINING = auto()


@dataclass(frozen=True, slots=True)
class Trace:
    """An entry that an effect leaves; `team_id` is None where it may be in any team's log."""

    effect: Effect
    part: Part

    @property
    def team_id(self) -> str | None:
        request, outcome = self.effect.request, self.effect.operation.outcome
        told = outcome.teams if isinstance(outcome, Accepted) else ()
        if self.part is Part.LEAVING:
            return told[0].team_id if told else request.from_team_id
        if request.kind is Kind.CREATE_TEAM:
            return told[0].team_id if told else None
        return request.team_id

    def could_be(self, team_id: str, version: int, entry: LoggedChange | None) -> bool:
        """True if the effect may have made this entry, or one of its version, in a team's log."""
        if self.team_id not in (None, team_id):
            return False
        request = self.effect.request
        if (version == 1) != (request.kind is Kind.CREATE_TEAM):
            return False
        expected = (
            request.expected_from_version if self.part is Part.LEAVING else request.expected_version
        )
        return expected in (None, version - 1) and (entry is None or self.tells_the_same(entry))

    def tells_the_same(self, entry: LoggedChange) -> bool:
        """True if the entry has the content that this effect must record."""
        request = self.effect.request
        if request.request_id is not None and entry.request_id != request.request_id:
            return False
        joined = ("UserJoinedTeam", request.user_id, None)
        left = ("UserLeftTeam", request.user_id, None)
        found = (entry.kind, entry.user_id, entry.other_team_id)
        match request.kind:
            case Kind.CREATE_TEAM:
                return entry.kind == "TeamCreated" and self._has_the_values(entry)
            case Kind.UPDATE_TEAM:
                kind = "CapacityChanged" if request.name is None else "TeamRenamed"
                return entry.kind == kind and self._has_the_values(entry)
            case Kind.DELETE_TEAM:
                return entry.kind == "TeamDeleted"
            case kind if kind in ADDS:
                return found == joined
            case kind if kind in REMOVES:
                return found == left
        if self.part is Part.LEAVING:
            return found == (*left[:2], request.team_id)
        other = _source(self.effect)
        return found[:2] == joined[:2] and (
            entry.other_team_id is not None if other is None else entry.other_team_id == other
        )

    def _has_the_values(self, entry: LoggedChange) -> bool:
        request = self.effect.request
        return entry.name == request.name and entry.capacity == request.capacity


def traces_of(effect: Effect) -> list[Trace]:
    """The entries that the effect leaves, if it was made."""
    if effect.request.kind is Kind.MOVE_USER:
        return [Trace(effect, Part.LEAVING), Trace(effect, Part.JOINING)]
    return [Trace(effect, Part.ONLY)]


def _source(effect: Effect) -> str | None:
    return Trace(effect, Part.LEAVING).team_id
