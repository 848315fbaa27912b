"""The problem types, each of the same name as its counterpart in `domain/problems.py`."""

from typing import assert_never, overload

import strawberry

from app.api.observation import note_problem
from app.api.schema.types import Team
from app.domain import problems as domain


@strawberry.interface(
    description="An expected refusal: nothing was changed. Branch on `__typename`, show `message`."
)
class Problem:
    message: str = strawberry.field(description="A message for the user interface.")


@strawberry.type(description="The viewer lacks permission for this mutation.")
class NotAllowed(Problem): ...


@strawberry.type(description="A value of the input is out of range or malformed.")
class InvalidInput(Problem):
    field: str = strawberry.field(description="The name of the input field.")


@strawberry.type(description="The team does not exist.")
class TeamNotFound(Problem): ...


@strawberry.type(description="The user is already on a team, and can be on one only.")
class AlreadyOnTeam(Problem):
    current_team: Team = strawberry.field(
        description="The team that the user is on, possibly the requested one."
    )


@strawberry.type(description="The user is not on this team.")
class NotOnTeam(Problem):
    other_team: Team | None = strawberry.field(
        description="The team that the user is on. Null if on no team."
    )


@strawberry.type(
    description="The team is not at the expected version. Rebase the change on `team` and retry."
)
class VersionConflict(Problem):
    expected_version: int = strawberry.field(description="The version given in the input.")
    actual_version: int = strawberry.field(description="The team's current version.")
    team: Team = strawberry.field(description="The team at `actualVersion`.")


@strawberry.type(description="The change would exceed the team's capacity.")
class TeamFull(Problem):
    capacity: int = strawberry.field(description="The maximum number of members.")


@overload
def present_problem(problem: domain.NotAllowed) -> NotAllowed: ...
@overload
def present_problem(problem: domain.InvalidInput) -> InvalidInput: ...
@overload
def present_problem(problem: domain.TeamNotFound) -> TeamNotFound: ...
@overload
def present_problem(problem: domain.AlreadyOnTeam) -> AlreadyOnTeam: ...
@overload
def present_problem(problem: domain.NotOnTeam) -> NotOnTeam: ...
@overload
def present_problem(problem: domain.VersionConflict) -> VersionConflict: ...
@overload
def present_problem(problem: domain.TeamFull) -> TeamFull: ...


def present_problem(
    problem: domain.NotAllowed
    | domain.InvalidInput
    | domain.TeamNotFound
    | domain.AlreadyOnTeam
    | domain.NotOnTeam
    | domain.VersionConflict
    | domain.TeamFull,
) -> Problem:
    """The schema's form of a problem.

    The overloads tie each problem to its type, so that a result union that lacks one fails the
    type check.
    """
    message = problem.message
    note_problem(type(problem).__name__)
    match problem:
        case domain.NotAllowed():
            return NotAllowed(message=message)
        case domain.InvalidInput(field=field):
            return InvalidInput(message=message, field=field)
        case domain.TeamNotFound():
            return TeamNotFound(message=message)
        case domain.AlreadyOnTeam(current_team=team):
            return AlreadyOnTeam(message=message, current_team=Team.of(team))
        case domain.NotOnTeam(other_team=other_team):
            return NotOnTeam(
                message=message, other_team=Team.of(other_team) if other_team else None
            )
        case domain.VersionConflict(expected_version=expected, actual_version=actual, team=team):
            return VersionConflict(
                message=message,
                expected_version=expected,
                actual_version=actual,
                team=Team.of(team),
            )
        case domain.TeamFull(capacity=capacity):
            return TeamFull(message=message, capacity=capacity)
        case _:
            assert_never(problem)
