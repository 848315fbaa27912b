"""switchTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    EXPECTED_VERSION,
    REPLAYED,
    read_request_id,
    read_version,
    request_id_field,
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
from app.api.schema.types import Team
from app.domain.ids import TeamId
from app.domain.outcomes import AcceptedMove
from app.service import move_user_to_team as service


@strawberry.input(description="Where the viewer goes.")
class SwitchTeamInput:
    """Where the viewer goes."""

    to_team_id: strawberry.ID = strawberry.field(description="The team to join.")
    expected_to_version: int | None = strawberry.field(
        default=None, description=f"For the team to join. {EXPECTED_VERSION}"
    )
    expected_from_version: int | None = strawberry.field(
        default=None, description=f"For the team to leave. {EXPECTED_VERSION}"
    )
    request_id: strawberry.ID | None = request_id_field()


@strawberry.type(description="The viewer has changed teams, in one step.")
class SwitchTeamSuccess:
    """The viewer has changed teams."""

    from_team: Team = strawberry.field(description="The team left, after the change.")
    to_team: Team = strawberry.field(description="The team joined, after the change.")
    replayed: bool = strawberry.field(description=REPLAYED.replace("The team is", "Both are"))


SwitchTeamResult = Annotated[
    SwitchTeamSuccess
    | NotAllowed
    | InvalidInput
    | TeamNotFound
    | AlreadyOnTeam
    | NotOnTeam
    | VersionConflict
    | TeamFull,
    strawberry.union("SwitchTeamResult"),
]


async def switch_team(
    info: Info,
    input: SwitchTeamInput,
) -> SwitchTeamResult:
    """moveUserToTeam for the viewer, from wherever the viewer is."""
    if refused := info.context.refusal("switchTeam"):
        return present_problem(refused)
    outcome = await service.move_user_to_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        user_id=info.context.signed_in_id,
        to_team_id=TeamId(input.to_team_id),
        from_team_id=None,
        expected_to_version=read_version(input.expected_to_version),
        expected_from_version=read_version(input.expected_from_version),
        request_id=read_request_id(input.request_id),
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case AcceptedMove(from_team=from_team, to_team=to_team, replayed=replayed):
            return SwitchTeamSuccess(
                from_team=Team.of(from_team), to_team=Team.of(to_team), replayed=replayed
            )
        case problem:
            return present_problem(problem)
