"""moveUserToTeam; switchTeam is the same for the viewer, from the team that the viewer is on."""

from functools import partial
from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    TO_TEAM_ID,
    USER_ID,
    Input,
    MoveSuccess,
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
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
    present,
)
from app.domain.ids import RequestId, UserId, Version
from app.service import move_user_to_team as service


@strawberry.input(description="The user to move, and the teams.")
class MoveUserToTeamInput:
    user_id: UserId = strawberry.field(description=USER_ID)
    to_team_id: NodeId = strawberry.field(description=TO_TEAM_ID)
    from_team_id: NodeId | None = strawberry.field(
        default=None,
        description="The id of the team to leave. If omitted, the team that the user is on.",
    )
    expected_to_version: Version | None = expected_version_field("the team to join")
    expected_from_version: Version | None = expected_version_field("the team to leave")
    request_id: RequestId | None = request_id_field()


@strawberry.input(description="The team that the viewer switches to.")
class SwitchTeamInput:
    to_team_id: NodeId = strawberry.field(description=TO_TEAM_ID)
    expected_to_version: Version | None = expected_version_field("the team to join")
    expected_from_version: Version | None = expected_version_field("the team to leave")
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The user has moved to the other team.")
class MoveUserToTeamSuccess(MoveSuccess): ...


@strawberry.type(description="The viewer has switched to the other team.")
class SwitchTeamSuccess(MoveSuccess): ...


Refused = (
    NotAllowed
    | InvalidInput
    | TeamNotFound
    | AlreadyOnTeam
    | NotOnTeam
    | VersionConflict
    | TeamFull
)
MoveUserToTeamResult = Annotated[MoveUserToTeamSuccess | Refused, result_of("moveUserToTeam")]
SwitchTeamResult = Annotated[SwitchTeamSuccess | Refused, result_of("switchTeam")]


@mutation("Move a user to another team atomically: no reader sees them on none or on both.")
async def move_user_to_team(info: Info, input: Input[MoveUserToTeamInput]) -> MoveUserToTeamResult:
    outcome = await service.move_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        user_id=input.user_id,
        to_team_id=read_team_id(input.to_team_id),
        from_team_id=None if (given := input.from_team_id) is None else read_team_id(given),
        expected_to_version=input.expected_to_version,
        expected_from_version=input.expected_from_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(MoveUserToTeamSuccess.of_user, input.user_id))


@mutation("Move the viewer from their team to another atomically.")
async def switch_team(info: Info, input: Input[SwitchTeamInput]) -> SwitchTeamResult:
    outcome = await service.move_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        user_id=info.context.signed_in_id,
        to_team_id=read_team_id(input.to_team_id),
        from_team_id=None,
        expected_to_version=input.expected_to_version,
        expected_from_version=input.expected_from_version,
        request_id=input.request_id,
    )
    return present(outcome, partial(SwitchTeamSuccess.of_user, info.context.signed_in_id))
