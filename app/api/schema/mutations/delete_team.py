"""deleteTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    EXPECTED_VERSION,
    TEAM_ID,
    read_request_id,
    replayed_field,
    request_id_field,
)
from app.api.schema.problems import (
    InvalidInput,
    NotAllowed,
    TeamNotFound,
    VersionConflict,
    present_problem,
)
from app.api.schema.types import Team
from app.domain.ids import TeamId, Version
from app.domain.outcomes import Accepted
from app.service import delete_team as service


@strawberry.input(description="The team to delete.")
class DeleteTeamInput:
    """The team to delete."""

    team_id: strawberry.ID = strawberry.field(description=TEAM_ID)
    expected_version: int = strawberry.field(description=EXPECTED_VERSION.split(". ")[0] + ".")
    request_id: strawberry.ID | None = request_id_field()


@strawberry.type(description="The team is deleted; its members are on no team.")
class DeleteTeamSuccess:
    """The team is deleted."""

    team: Team = strawberry.field(description="The team at its last version, without members.")
    replayed: bool = replayed_field()


DeleteTeamResult = Annotated[
    DeleteTeamSuccess | NotAllowed | InvalidInput | TeamNotFound | VersionConflict,
    strawberry.union("DeleteTeamResult"),
]


async def delete_team(info: Info, input: DeleteTeamInput) -> DeleteTeamResult:
    """Deletes a team for good and frees its members."""
    if refused := await info.context.refusal_on_team("deleteTeam", TeamId(input.team_id)):
        return present_problem(refused)
    outcome = await service.delete_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=TeamId(input.team_id),
        expected_version=Version(input.expected_version),
        request_id=read_request_id(input.request_id),
    )
    match outcome:
        case Accepted(team=team, replayed=replayed):
            return DeleteTeamSuccess(team=Team.of(team), replayed=replayed)
        case problem:
            return present_problem(problem)
