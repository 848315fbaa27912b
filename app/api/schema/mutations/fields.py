"""The parts that mutations share: of their fields, inputs and results."""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Annotated, Self, TypeVar

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from app.api.observation import note_problem
from app.api.schema.connections import Edge
from app.api.schema.context import Info
from app.api.schema.cursors import member_cursor
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.problems import NotAllowed, Problem
from app.api.schema.types import Team, User
from app.domain.ids import ID_CHARACTERS, MAX_ID_LENGTH, RequestId, TeamId, UserId, Version
from app.domain.outcomes import Accepted, AcceptedMove
from app.domain.teams import MAX_CAPACITY, MAX_NAME_LENGTH

InputT = TypeVar("InputT")
ResultT = TypeVar("ResultT")
Input = Annotated[InputT, strawberry.argument(description="The input of the mutation.")]

_ID_LIMITS = f"1 to {MAX_ID_LENGTH} characters: {ID_CHARACTERS}."

TEAM_ID = "The team's id."
TO_TEAM_ID = "The id of the team to join."
USER_ID = f"The user's id, {_ID_LIMITS}"
NAME = f"After trimming, 1 to {MAX_NAME_LENGTH} characters without control characters."
CAPACITY = f"The maximum number of members, 1 to {MAX_CAPACITY}."
MEMBER_EDGE = (
    "The user's edge in the team's `members`, to insert it into a list. Null if the user has left "
    "since."
)
EXPECTED_VERSION = (
    "Apply the change only if the team is at this version; otherwise return `VersionConflict`."
)


def mutation(
    description: str,
) -> Callable[[Callable[[Info, InputT], Awaitable[ResultT]]], StrawberryField]:
    """A decorator: the field that checks the viewer's permission, then runs the resolver.

    The problem of a refused mutation is noted for the observers.
    """

    def field_of(resolver: Callable[[Info, InputT], Awaitable[ResultT]]) -> StrawberryField:
        @wraps(resolver)
        async def resolve(info: Info, input: InputT) -> ResultT | NotAllowed:
            refused = await info.context.services.permissions.refusal_on_team(
                info.field_name,
                info.context.viewer,
                read_team_id(getattr(input, "team_id", NodeId(""))),
            )
            result = NotAllowed(message=refused.message) if refused else await resolver(info, input)
            if isinstance(result, Problem):
                note_problem(type(result).__name__)
            return result

        field: StrawberryField = strawberry.mutation(description=description)(resolve)
        return field

    return field_of


def expected_version_field(of: str = "the team") -> Version | None:
    """An optional expected version."""
    field: Version | None = strawberry.field(
        default=None,
        description=EXPECTED_VERSION.replace("the team", of)
        + " If omitted, any version is accepted.",
    )
    return field


def request_id_field() -> RequestId | None:
    """The optional `requestId` of every input."""
    field: RequestId | None = strawberry.field(
        default=None,
        description=f"Your own idempotency key, {_ID_LIMITS} Retrying an accepted request with the "
        "same key and input changes nothing and returns success again, with `replayed` true. Keys "
        "are stored for 24 hours by default, those of `createTeam` forever. Refusals are not "
        "stored.",
    )
    return field


def _replayed_field() -> bool:
    field: bool = strawberry.field(
        description="Whether an earlier request with the same `requestId` made the change. "
        "If so, teams are shown in their current state."
    )
    return field


@strawberry.type
class Success:
    """The fields of a success that concerns one team."""

    team: Team = strawberry.field(description="The team after the change.")
    replayed: bool = _replayed_field()

    @classmethod
    def of(cls, outcome: Accepted) -> Self:
        """The schema's form of an accepted change."""
        return cls(team=Team.of(outcome.team), replayed=outcome.replayed)


async def member_edges(info: Info, team_id: TeamId, user_ids: Sequence[UserId]) -> list[Edge[User]]:
    """The edges of those users who are members now."""
    found = await info.context.services.directory.find_positions(team_id, user_ids)
    return [
        Edge(cursor=member_cursor(position), node=User(id=id_)) for id_, position in found.items()
    ]


@strawberry.type
class MemberSuccess(Success):
    """The fields of a success by which a user joined or left a team."""

    user_id: strawberry.Private[UserId]

    @classmethod
    def of_user(cls, user_id: UserId, outcome: Accepted) -> Self:
        """The schema's form of an accepted change of this user's membership."""
        return cls(team=Team.of(outcome.team), replayed=outcome.replayed, user_id=user_id)


@strawberry.type
class JoinSuccess(MemberSuccess):
    @strawberry.field(description=MEMBER_EDGE)
    async def member_edge(self, info: Info) -> Edge[User] | None:
        return next(iter(await member_edges(info, self.team.team_id, [self.user_id])), None)


@strawberry.type
class LeaveSuccess(MemberSuccess):
    @strawberry.field(description="The user who left.")
    def user(self) -> User:
        return User(id=self.user_id)


@strawberry.type
class MoveSuccess:
    """The fields of a success that concerns two teams."""

    user_id: strawberry.Private[UserId]
    from_team: Team = strawberry.field(description="The team left, after the change.")
    to_team: Team = strawberry.field(description="The team joined, after the change.")
    replayed: bool = _replayed_field()

    @classmethod
    def of_user(cls, user_id: UserId, outcome: AcceptedMove) -> Self:
        """The schema's form of an accepted move of this user."""
        return cls(
            user_id=user_id,
            from_team=Team.of(outcome.from_team),
            to_team=Team.of(outcome.to_team),
            replayed=outcome.replayed,
        )

    @strawberry.field(description=MEMBER_EDGE)
    async def member_edge(self, info: Info) -> Edge[User] | None:
        return next(iter(await member_edges(info, self.to_team.team_id, [self.user_id])), None)


def result_of(mutation: str) -> StrawberryUnion:
    """The union of a mutation's success and its problems."""
    return strawberry.union(
        f"{mutation[0].upper()}{mutation[1:]}Result",
        description=f"The result of `{mutation}`: success, or the problem that prevented it.",
    )
