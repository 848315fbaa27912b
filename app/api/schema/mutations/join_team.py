"""joinTeam: addUserToTeam for the viewer."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.add_user_to_team import AddUserToTeamProblem
from app.api.schema.mutations.fields import (
    TEAM_ID,
    Input,
    Success,
    expected_version_field,
    request_id_field,
    result_of,
)
from app.api.schema.problems import present_problem
from app.domain.ids import RequestId, TeamId, Version
from app.domain.outcomes import Accepted
from app.service import add_user_to_team as service


@strawberry.input(description="The team that the viewer joins.")
class JoinTeamInput:
    team_id: TeamId = strawberry.field(description=TEAM_ID)
    expected_version: Version | None = expected_version_field()
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The viewer is on the team.")
class JoinTeamSuccess(Success): ...


JoinTeamResult = Annotated[JoinTeamSuccess | AddUserToTeamProblem, result_of("joinTeam")]


async def join_team(info: Info, input: Input[JoinTeamInput]) -> JoinTeamResult:
    if refused := info.context.refusal("joinTeam"):
        return present_problem(refused)
    outcome = await service.add_user_to_team(
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
            return JoinTeamSuccess.of(outcome)
        case problem:
            return present_problem(problem)
