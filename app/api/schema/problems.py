"""The problem types, each of the same name as its counterpart in `domain/problems.py`."""

from typing import Annotated, Self, assert_never, overload

import strawberry

from app.api.observation import note_problem
from app.api.schema.types import Team, User
from app.domain import problems as domain
from app.domain.ids import Version
from app.domain.outcomes import UserOutcome


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

    @classmethod
    def of(cls, problem: domain.AlreadyOnTeam) -> Self:
        """The schema's form of the problem."""
        return cls(message=problem.message, current_team=Team.of(problem.current_team))


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

    @classmethod
    def of(cls, problem: domain.TeamFull) -> Self:
        """The schema's form of the problem."""
        return cls(message=problem.message, capacity=problem.capacity)


AddUserProblem = Annotated[
    AlreadyOnTeam | TeamFull,
    strawberry.union("AddUserProblem", description="The reason why a user can't be added."),
]


@strawberry.type(description="The outcome for one of many users.")
class AddUserOutcome:
    user: User = strawberry.field(description="The user.")
    added: bool = strawberry.field(description="Whether the user was added.")
    version: Version | None = strawberry.field(
        description="The team's version after the user was added. Null if not added, or replayed."
    )
    problem: AddUserProblem | None = strawberry.field(
        description="Why the user was not added. `TeamFull` if the users before filled the team. "
        "Null if added, or replayed."
    )

    @classmethod
    def of(cls, outcome: UserOutcome) -> Self:
        """The schema's form of an outcome."""
        problem: AlreadyOnTeam | TeamFull | None
        match outcome.problem:
            case domain.AlreadyOnTeam():
                problem = AlreadyOnTeam.of(outcome.problem)
            case domain.TeamFull():
                problem = TeamFull.of(outcome.problem)
            case None:
                problem = None
        return cls(
            user=User(id=outcome.user_id),
            added=outcome.added,
            version=outcome.version,
            problem=problem,
        )


@strawberry.type(description="A user can't be added, so nobody was.")
class UsersNotAdded(Problem):
    outcomes: list[AddUserOutcome] = strawberry.field(
        description="The users who can't be added, and why, in the order of the input."
    )


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
@overload
def present_problem(problem: domain.UsersNotAdded) -> UsersNotAdded: ...


def present_problem(
    problem: domain.NotAllowed
    | domain.InvalidInput
    | domain.TeamNotFound
    | domain.AlreadyOnTeam
    | domain.NotOnTeam
    | domain.VersionConflict
    | domain.TeamFull
    | domain.UsersNotAdded,
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
        case domain.AlreadyOnTeam():
            return AlreadyOnTeam.of(problem)
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
        case domain.TeamFull():
            return TeamFull.of(problem)
        case domain.UsersNotAdded(problems=problems):
            refused = [
                AddUserOutcome.of(UserOutcome(user_id, added=False, problem=each))
                for user_id, each in problems.items()
            ]
            return UsersNotAdded(message=message, outcomes=refused)
        case _:
            assert_never(problem)
