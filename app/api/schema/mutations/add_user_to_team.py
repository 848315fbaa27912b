"""addUserToTeam; joinTeam is the same for the viewer."""

from functools import partial
from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    TEAM_ID,
    USER_ID,
    Input,
    JoinSuccess,
    expected_version_field,
    mutation,
    request_id_field,
    result_of,
)
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotAllowed,
    TeamFull,
    TeamNotFound,
    VersionConflict,
    present,
)
from app.domain.ids import RequestId, UserId, Version
from app.service import add_user_to_team as service


@strawberry.input(description="The user to add, and the team.")
class AddUserToTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    user_id: UserId = strawberry.field(description=USER_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.input(description="The team that the viewer joins.")
class JoinTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The user is on the team.")
class AddUserToTeamSuccess(JoinSuccess): ...


@strawberry.type(description="The viewer is on the team.")
class JoinTeamSuccess(JoinSuccess): ...


Refused = NotAllowed | InvalidInput | TeamNotFound | AlreadyOnTeam | VersionConflict | TeamFull
AddUserToTeamResult = Annotated[AddUserToTeamSuccess | Refused, result_of("addUserToTeam")]
JoinTeamResult = Annotated[JoinTeamSuccess | Refused, result_of("joinTeam")]


@mutation("Add a user who is on no team to this team.")
async def add_user_to_team(info: Info, input: Input[AddUserToTeamInput]) -> AddUserToTeamResult:
    outcome = await service.add_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        user_id=input.user_id,
        expected_version=input.expected_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(AddUserToTeamSuccess.of_user, input.user_id))


@mutation("Add the viewer, who is on no team, to this team.")
async def join_team(info: Info, input: Input[JoinTeamInput]) -> JoinTeamResult:
    outcome = await service.add_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        user_id=info.context.signed_in_id,
        expected_version=input.expected_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(JoinTeamSuccess.of_user, info.context.signed_in_id))
