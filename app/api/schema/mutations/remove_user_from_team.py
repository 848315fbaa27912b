"""removeUserFromTeam; leaveTeam is the same for the viewer."""

from functools import partial
from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    TEAM_ID,
    USER_ID,
    Input,
    LeaveSuccess,
    expected_version_field,
    mutation,
    request_id_field,
    result_of,
)
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.problems import (
    InvalidInput,
    NotAllowed,
    NotOnTeam,
    TeamNotFound,
    VersionConflict,
    present,
)
from app.domain.ids import RequestId, UserId, Version
from app.service import remove_user_from_team as service


@strawberry.input(description="The user to remove, and the team.")
class RemoveUserFromTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    user_id: UserId = strawberry.field(description=USER_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.input(description="The team that the viewer leaves.")
class LeaveTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The user is on no team.")
class RemoveUserFromTeamSuccess(LeaveSuccess): ...


@strawberry.type(description="The viewer is on no team.")
class LeaveTeamSuccess(LeaveSuccess): ...


Refused = NotAllowed | InvalidInput | TeamNotFound | NotOnTeam | VersionConflict
RemoveUserFromTeamResult = Annotated[
    RemoveUserFromTeamSuccess | Refused, result_of("removeUserFromTeam")
]
LeaveTeamResult = Annotated[LeaveTeamSuccess | Refused, result_of("leaveTeam")]


@mutation("Remove a user from a team.")
async def remove_user_from_team(
    info: Info, input: Input[RemoveUserFromTeamInput]
) -> RemoveUserFromTeamResult:
    outcome = await service.remove_user_from_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        user_id=input.user_id,
        expected_version=input.expected_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(RemoveUserFromTeamSuccess.of_user, input.user_id))


@mutation("Remove the viewer from a team.")
async def leave_team(info: Info, input: Input[LeaveTeamInput]) -> LeaveTeamResult:
    outcome = await service.remove_user_from_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        user_id=info.context.signed_in_id,
        expected_version=input.expected_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(LeaveTeamSuccess.of_user, info.context.signed_in_id))
