"""moveUserToTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    TO_TEAM_ID,
    USER_ID,
    Input,
    MoveSuccess,
    expected_version_field,
    request_id_field,
    result_of,
)
from app.api.schema.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotAllowed,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
    present_problem,
)
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import AcceptedMove
from app.service import move_user_to_team as service


@strawberry.input(description="The user to move, and the teams.")
class MoveUserToTeamInput:
    user_id: UserId = strawberry.field(description=USER_ID)
    to_team_id: TeamId = strawberry.field(description=TO_TEAM_ID)
    from_team_id: TeamId | None = strawberry.field(
        default=None,
        description="The id of the team to leave. If omitted, the team that the user is on.",
    )
    expected_to_version: Version | None = expected_version_field("the team to join")
    expected_from_version: Version | None = expected_version_field("the team to leave")
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The user has moved to the other team.")
class MoveUserToTeamSuccess(MoveSuccess): ...


MoveUserToTeamProblem = (
    NotAllowed
    | InvalidInput
    | TeamNotFound
    | AlreadyOnTeam
    | NotOnTeam
    | VersionConflict
    | TeamFull
)
MoveUserToTeamResult = Annotated[
    MoveUserToTeamSuccess | MoveUserToTeamProblem, result_of("moveUserToTeam")
]


async def move_user_to_team(info: Info, input: Input[MoveUserToTeamInput]) -> MoveUserToTeamResult:
    if refused := info.context.refusal("moveUserToTeam"):
        return present_problem(refused)
    outcome = await service.move_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        user_id=input.user_id,
        to_team_id=input.to_team_id,
        from_team_id=input.from_team_id,
        expected_to_version=input.expected_to_version,
        expected_from_version=input.expected_from_version,
        request_id=input.request_id,
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case AcceptedMove():
            return MoveUserToTeamSuccess.of(outcome)
        case problem:
            return present_problem(problem)
