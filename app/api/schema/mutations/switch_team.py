"""switchTeam: moveUserToTeam for the viewer, from the team that the viewer is on."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    TO_TEAM_ID,
    Input,
    MoveSuccess,
    expected_version_field,
    request_id_field,
    result_of,
)
from app.api.schema.mutations.move_user_to_team import MoveUserToTeamProblem
from app.api.schema.problems import present_problem
from app.domain.ids import RequestId, TeamId, Version
from app.domain.outcomes import AcceptedMove
from app.service import move_user_to_team as service


@strawberry.input(description="The team that the viewer switches to.")
class SwitchTeamInput:
    to_team_id: TeamId = strawberry.field(description=TO_TEAM_ID)
    expected_to_version: Version | None = expected_version_field("the team to join")
    expected_from_version: Version | None = expected_version_field("the team to leave")
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The viewer has switched to the other team.")
class SwitchTeamSuccess(MoveSuccess): ...


SwitchTeamResult = Annotated[SwitchTeamSuccess | MoveUserToTeamProblem, result_of("switchTeam")]


async def switch_team(info: Info, input: Input[SwitchTeamInput]) -> SwitchTeamResult:
    if refused := info.context.refusal("switchTeam"):
        return present_problem(refused)
    outcome = await service.move_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        user_id=info.context.signed_in_id,
        to_team_id=input.to_team_id,
        from_team_id=None,
        expected_to_version=input.expected_to_version,
        expected_from_version=input.expected_from_version,
        request_id=input.request_id,
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case AcceptedMove():
            return SwitchTeamSuccess.of(outcome)
        case problem:
            return present_problem(problem)
