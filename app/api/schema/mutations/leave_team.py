"""leaveTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    TEAM_ID,
    expected_version_field,
    read_request_id,
    read_version,
    replayed_field,
    request_id_field,
)
from app.api.schema.problems import (
    InvalidInput,
    NotAllowed,
    NotOnTeam,
    TeamNotFound,
    VersionConflict,
    present_problem,
)
from app.api.schema.types import Team
from app.domain.ids import TeamId
from app.domain.outcomes import Accepted
from app.service import remove_user_from_team as service


@strawberry.input(description="The team that the viewer leaves.")
class LeaveTeamInput:
    """The team that the viewer leaves."""

    team_id: strawberry.ID = strawberry.field(description=TEAM_ID)
    expected_version: int | None = expected_version_field()
    request_id: strawberry.ID | None = request_id_field()


@strawberry.type(description="The viewer is on no team.")
class LeaveTeamSuccess:
    """The viewer is on no team."""

    team: Team = strawberry.field(description="The team after the change.")
    replayed: bool = replayed_field()


LeaveTeamResult = Annotated[
    LeaveTeamSuccess | NotAllowed | InvalidInput | TeamNotFound | NotOnTeam | VersionConflict,
    strawberry.union("LeaveTeamResult"),
]


async def leave_team(info: Info, input: LeaveTeamInput) -> LeaveTeamResult:
    """removeUserFromTeam for the viewer."""
    if refused := info.context.refusal("leaveTeam"):
        return present_problem(refused)
    outcome = await service.remove_user_from_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=TeamId(input.team_id),
        user_id=info.context.signed_in_id,
        expected_version=read_version(input.expected_version),
        request_id=read_request_id(input.request_id),
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case Accepted(team=team, replayed=replayed):
            return LeaveTeamSuccess(team=Team.of(team), replayed=replayed)
        case problem:
            return present_problem(problem)
