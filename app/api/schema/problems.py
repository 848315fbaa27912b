"""The schema's problems: each the image of the one with the same name in `domain/problems.py`."""

from typing import assert_never, overload

import strawberry

from app.api.observation import note_problem
from app.api.schema.types import Team
from app.domain import problems as domain


@strawberry.interface(
    description="An expected refusal: nothing was changed. Branch on the type, show the message."
)
class Problem:
    """An expected refusal."""

    message: str = strawberry.field(description="A sentence for people.")


@strawberry.type(description="The viewer may not do this.")
class NotAllowed(Problem):
    """The viewer may not do this."""


@strawberry.type(description="A value is outside its limits.")
class InvalidInput(Problem):
    """A value is outside its limits."""

    field: str = strawberry.field(description="The input field's name, as in this schema.")


@strawberry.type(description="There is no such team, or no longer.")
class TeamNotFound(Problem):
    """There is no such team."""


@strawberry.type(description="The user is on a team and can be on one only.")
class AlreadyOnTeam(Problem):
    """The user is on a team."""

    current_team: Team = strawberry.field(
        description="The team the user is on: perhaps the very one that was asked for."
    )


@strawberry.type(description="The user is not on the team.")
class NotOnTeam(Problem):
    """The user is not on the team."""

    other_team: Team | None = strawberry.field(
        description="The team the user is on instead; null when on none."
    )


@strawberry.type(
    description="The team is at another version than expected. Rebase on `team` and try again."
)
class VersionConflict(Problem):
    """The team is at another version."""

    expected_version: int = strawberry.field(description="The version that the input named.")
    actual_version: int = strawberry.field(description="The version that the team is at.")
    team: Team = strawberry.field(description="The team as it is.")


@strawberry.type(description="The team has not enough room.")
class TeamFull(Problem):
    """The team has not enough room."""

    capacity: int = strawberry.field(description="How many members fit.")


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

    The overloads let a type checker follow each problem to its image: a result union that lacks
    one fails the check.
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
