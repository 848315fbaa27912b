"""leaveTeam: removeUserFromTeam for the viewer."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    TEAM_ID,
    Input,
    Success,
    expected_version_field,
    request_id_field,
    result_of,
)
from app.api.schema.mutations.remove_user_from_team import RemoveUserFromTeamProblem
from app.api.schema.problems import present_problem
from app.domain.ids import RequestId, TeamId, Version
from app.domain.outcomes import Accepted
from app.service import remove_user_from_team as service


@strawberry.input(description="The team that the viewer leaves.")
class LeaveTeamInput:
    team_id: TeamId = strawberry.field(description=TEAM_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The viewer is on no team.")
class LeaveTeamSuccess(Success): ...


LeaveTeamResult = Annotated[LeaveTeamSuccess | RemoveUserFromTeamProblem, result_of("leaveTeam")]


async def leave_team(info: Info, input: Input[LeaveTeamInput]) -> LeaveTeamResult:
    if refused := info.context.refusal("leaveTeam"):
        return present_problem(refused)
    outcome = await service.remove_user_from_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=input.team_id,
        user_id=info.context.signed_in_id,
        expected_version=input.expected_version,
        request_id=input.request_id,
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case Accepted():
            return LeaveTeamSuccess.of(outcome)
        case problem:
            return present_problem(problem)
