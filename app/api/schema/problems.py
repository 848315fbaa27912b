"""The problem types, each of the same name as its counterpart in `domain/problems.py`.

`present` maps the outcomes of mutations to them.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, Self, TypeVar, assert_never, overload

import strawberry

from app.api.schema.arguments import After, Before, Last, page_request
from app.api.schema.connections import Connection, Edge, LoadedPage
from app.api.schema.cursors import outcome_cursor, read_outcome_cursor
from app.api.schema.types import Team, User
from app.domain import problems as domain
from app.domain.ids import Version
from app.domain.outcomes import Accepted, AcceptedMove, AcceptedUsers, UserOutcome
from app.domain.teams import MAX_USERS_ADDED

AcceptedT = TypeVar("AcceptedT", Accepted, AcceptedMove, AcceptedUsers)
SuccessT = TypeVar("SuccessT")
AnySuccess = Callable[..., object]


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


AddUserProblem = Annotated[
    AlreadyOnTeam | TeamFull,
    strawberry.union("AddUserProblem", description="The reason why a user can't be added."),
]


@strawberry.type(description="One of many users, and the outcome.")
class AddUserOutcomeEdge(Edge[User]):
    added: bool = strawberry.field(description="Whether the user was added.")
    version: Version | None = strawberry.field(
        description="The team's version after the user was added. Null if not added, or replayed."
    )
    problem: AddUserProblem | None = strawberry.field(
        description="Why the user was not added. `TeamFull` if the users before filled the team. "
        "Null if added, or replayed."
    )

    @classmethod
    def of(cls, index: int, outcome: UserOutcome) -> Self:
        """The schema's form of the outcome at that index of the list."""
        return cls(
            cursor=outcome_cursor(index),
            node=User(id=outcome.user_id),
            added=outcome.added,
            version=outcome.version,
            problem=present(outcome.problem) if outcome.problem else None,
        )


@strawberry.type(description="A page of users with their outcomes.")
class AddUserOutcomeConnection(Connection[AddUserOutcomeEdge]): ...


class _OfUsers(Protocol):
    users: Sequence[UserOutcome]


def page_of_outcomes(
    self: _OfUsers,
    first: Annotated[
        int | None,
        strawberry.argument(
            description=f"The maximum number of items from the start, 1 to {MAX_USERS_ADDED}. "
            "The default is all."
        ),
    ] = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> AddUserOutcomeConnection:
    """The resolver of `outcomes`."""
    page = page_request(
        read_outcome_cursor, first, after, last, before, default_size=MAX_USERS_ADDED
    )
    begin, end = page.cut(
        0 if page.after is None else page.after + 1,
        len(self.users) if page.before is None else min(page.before, len(self.users)),
    )

    async def load() -> LoadedPage[AddUserOutcomeEdge]:
        shown = enumerate(self.users[begin:end], begin)
        edges = [AddUserOutcomeEdge.of(*each) for each in shown]
        return LoadedPage(edges, has_next=end < len(self.users), has_previous=begin > 0)

    return AddUserOutcomeConnection(load=load)


@strawberry.type(description="A user can't be added, so nobody was.")
class UsersNotAdded(Problem):
    users: strawberry.Private[Sequence[UserOutcome]]
    outcomes: AddUserOutcomeConnection = strawberry.field(
        resolver=page_of_outcomes,
        description="The users who can't be added, and why, in the order of the input.",
    )


@overload
def present(outcome: domain.InvalidInput, success: AnySuccess = ...) -> InvalidInput: ...
@overload
def present(outcome: domain.TeamNotFound, success: AnySuccess = ...) -> TeamNotFound: ...
@overload
def present(outcome: domain.AlreadyOnTeam, success: AnySuccess = ...) -> AlreadyOnTeam: ...
@overload
def present(outcome: domain.NotOnTeam, success: AnySuccess = ...) -> NotOnTeam: ...
@overload
def present(outcome: domain.VersionConflict, success: AnySuccess = ...) -> VersionConflict: ...
@overload
def present(outcome: domain.TeamFull, success: AnySuccess = ...) -> TeamFull: ...
@overload
def present(outcome: domain.UsersNotAdded, success: AnySuccess = ...) -> UsersNotAdded: ...
@overload
def present(outcome: AcceptedT, success: Callable[[AcceptedT], SuccessT]) -> SuccessT: ...


def present(
    outcome: Accepted
    | AcceptedMove
    | AcceptedUsers
    | domain.InvalidInput
    | domain.TeamNotFound
    | domain.AlreadyOnTeam
    | domain.NotOnTeam
    | domain.VersionConflict
    | domain.TeamFull
    | domain.UsersNotAdded,
    success: AnySuccess = object,
) -> object:
    """The schema's form of a problem, or of an accepted mutation by `success`.

    The overloads tie each problem to its type, so that a result union that lacks one fails the
    type check.
    """
    match outcome:
        case Accepted() | AcceptedMove() | AcceptedUsers():
            return success(outcome)
        case domain.InvalidInput():
            return InvalidInput(message=outcome.message, field=outcome.field)
        case domain.TeamNotFound():
            return TeamNotFound(message=outcome.message)
        case domain.AlreadyOnTeam():
            return AlreadyOnTeam(
                message=outcome.message, current_team=Team.of(outcome.current_team)
            )
        case domain.NotOnTeam(other_team=other_team):
            return NotOnTeam(
                message=outcome.message, other_team=Team.of(other_team) if other_team else None
            )
        case domain.VersionConflict():
            return VersionConflict(
                message=outcome.message,
                expected_version=outcome.expected_version,
                actual_version=outcome.actual_version,
                team=Team.of(outcome.team),
            )
        case domain.TeamFull():
            return TeamFull(message=outcome.message, capacity=outcome.capacity)
        case domain.UsersNotAdded(problems=problems):
            refused = [
                UserOutcome(user_id, added=False, problem=each)
                for user_id, each in problems.items()
            ]
            return UsersNotAdded(message=outcome.message, users=refused)
        case _:
            assert_never(outcome)
