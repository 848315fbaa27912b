"""The versions of teams that answers showed, in whichever field."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.lab.checker.history import Accepted, Kind, Operation, Refused, TeamRead, UserRead


@dataclass(frozen=True, slots=True)
class Sighting:
    """A team seen at a version. `member` is a user who was on it then, if known."""

    operation: Operation
    team_id: str
    version: int
    member: str | None = None


def sightings_of(operation: Operation) -> Iterator[Sighting]:
    request, outcome = operation.request, operation.outcome
    match outcome:
        case Accepted(teams):
            yield from (Sighting(operation, team.team_id, team.version) for team in teams)
        case Refused(user_team=team) | UserRead(team) if team is not None:
            yield Sighting(operation, team.team_id, team.version, request.user_id)
        case Refused(actual_version=version) if version is not None:
            # A move's answer does not say which of the two teams is meant.
            if request.kind is not Kind.MOVE_USER and request.team_id is not None:
                yield Sighting(operation, request.team_id, version)
        case TeamRead(version) if version is not None and request.team_id is not None:
            yield Sighting(operation, request.team_id, version)
