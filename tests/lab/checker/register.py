"""A user's team as a register, and the effect or reading of it by each operation.

To the register a join takes the user from no team to one, and so on. A refusal is a look at it: by
what it says, and by the problems that come before it in the design's order and so did not hold.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.checker.effects import Effect
from tests.lab.checker.history import Accepted, Kind, Operation, Refused, TeamVersion, UserRead

Team = str | None

ADDS = frozenset({Kind.ADD_USER, Kind.JOIN})
REMOVES = frozenset({Kind.REMOVE_USER, Kind.LEAVE})


@dataclass(frozen=True, slots=True)
class Transition:
    """Possible only if `holds` is true of the user's team, which becomes `after`."""

    holds: Callable[[Team], bool]
    after: Callable[[Team], Team]


def look(holds: Callable[[Team], bool]) -> Transition:
    return Transition(holds, lambda team: team)


def transition_of(effect: Effect) -> Transition | None:
    """The step that an effect makes in a user's register, or a deletion in each; None if none."""
    request = effect.request
    to, from_ = request.team_id, request.from_team_id
    if isinstance(effect.operation.outcome, Accepted) and request.kind is Kind.MOVE_USER:
        from_ = effect.operation.outcome.teams[0].team_id
    match request.kind:
        case Kind.ADD_USER | Kind.JOIN:
            return Transition(lambda team: team is None, lambda _: to)
        case Kind.REMOVE_USER | Kind.LEAVE:
            return Transition(lambda team: team == to, lambda _: None)
        case Kind.MOVE_USER if from_ is not None:
            return Transition(lambda team: team == from_, lambda _: to)
        case Kind.MOVE_USER:
            return Transition(lambda team: team not in (None, to), lambda _: to)
        case Kind.DELETE_TEAM:
            return Transition(lambda _: True, lambda team: None if team == to else team)
    return None


def look_of(operation: Operation) -> Transition | None:
    """The user's team at one moment according to an answer; None if the answer does not say."""
    match operation.outcome:
        case UserRead(team):
            return _was_on(team)
        case Refused("AlreadyOnTeam", user_team) if user_team is not None:
            return _was_on(user_team)
        case Refused("NotOnTeam", user_team):
            return _was_on(user_team)
        case Refused("VersionConflict" | "TeamFull"):
            return _got_past_membership(operation)
        case Refused("TeamNotFound") if operation.request.kind in ADDS | REMOVES:
            missing = operation.request.team_id
            return look(lambda team: team != missing)
    return None


def teams_named(operation: Operation) -> Iterator[str]:
    """The teams on which, by this operation, the user may be at some time."""
    request, outcome = operation.request, operation.outcome
    if request.kind is not Kind.DELETE_TEAM:
        yield from (team for team in (request.team_id, request.from_team_id) if team)
    match outcome:
        case Accepted(teams):
            yield from (team.team_id for team in teams)
        case Refused(user_team=TeamVersion(team_id)) | UserRead(TeamVersion(team_id)):
            yield team_id


def _was_on(answered: TeamVersion | None) -> Transition:
    expected = answered.team_id if answered else None
    return look(lambda team: team == expected)


def _got_past_membership(operation: Operation) -> Transition | None:
    """AlreadyOnTeam and NotOnTeam are reported first, so neither held."""
    request = operation.request
    to, from_ = request.team_id, request.from_team_id
    if request.kind in ADDS:
        return look(lambda team: team is None)
    if request.kind in REMOVES:
        return look(lambda team: team == to)
    if request.kind is Kind.MOVE_USER:
        return look(lambda team: team not in (None, to) and from_ in (None, team))
    return None
