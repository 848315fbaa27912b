"""addUsersToTeam."""

from collections.abc import Sequence
from typing import Annotated, Self

import strawberry

from app.api.schema.connections import Edge
from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    TEAM_ID,
    Input,
    Success,
    expected_version_field,
    member_edges,
    mutation,
    request_id_field,
    result_of,
)
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.problems import (
    AddUserOutcomeConnection,
    InvalidInput,
    NotAllowed,
    TeamNotFound,
    UsersNotAdded,
    VersionConflict,
    page_of_outcomes,
    present,
)
from app.api.schema.types import Team, User
from app.domain.ids import RequestId, UserId, Version
from app.domain.outcomes import AcceptedUsers, UserOutcome
from app.domain.teams import MAX_USERS_ADDED
from app.service import add_users_to_team as service


@strawberry.input(description="The users to add, and the team.")
class AddUsersToTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    user_ids: list[UserId] = strawberry.field(
        description=f"The ids of 1 to {MAX_USERS_ADDED} distinct users. They join in this order. "
        "`InvalidInput.field` names an invalid one by its index, for example `userIds[3]`."
    )
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()
    atomic: bool = strawberry.field(
        default=False,
        description="Whether to add nobody, and return `UsersNotAdded`, if a user can't be added. "
        "By default the others are added.",
    )


@strawberry.type(
    description="All users who can be added are on the team: maybe nobody, and then nothing was "
    "changed."
)
class AddUsersToTeamSuccess(Success):
    users: strawberry.Private[Sequence[UserOutcome]]
    outcomes: AddUserOutcomeConnection = strawberry.field(
        resolver=page_of_outcomes,
        description="An outcome for each user, in the order of `userIds`. If `replayed`, who was "
        "added, without versions and problems.",
    )

    @classmethod
    def of_users(cls, outcome: AcceptedUsers) -> Self:
        return cls(
            team=Team.of(outcome.team),
            replayed=outcome.replayed,
            users=outcome.users,
        )

    @strawberry.field(
        description="The edges of the added users in the team's `members`, to insert them into a "
        "list. Without those who have left since."
    )
    async def member_edges(self, info: Info) -> list[Edge[User]]:
        added = [each.user_id for each in self.users if each.added]
        return await member_edges(info, self.team.team_id, added) if added else []


AddUsersToTeamResult = Annotated[
    AddUsersToTeamSuccess
    | NotAllowed
    | InvalidInput
    | TeamNotFound
    | VersionConflict
    | UsersNotAdded,
    result_of("addUsersToTeam"),
]


@mutation(
    "Add many users to this team by one write: those who are on no team, as far as there is room, "
    "or with `atomic` all or nobody. For rate limits it is one operation."
)
async def add_users_to_team(info: Info, input: Input[AddUsersToTeamInput]) -> AddUsersToTeamResult:
    outcome = await service.add_users_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        user_ids=input.user_ids,
        expected_version=input.expected_version,
        request_id=input.request_id,
        atomic=input.atomic,
    )
    return present(outcome, AddUsersToTeamSuccess.of_users)
