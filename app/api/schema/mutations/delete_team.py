"""deleteTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    EXPECTED_VERSION,
    TEAM_ID,
    Input,
    Success,
    mutation,
    request_id_field,
    result_of,
)
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.problems import (
    InvalidInput,
    NotAllowed,
    TeamNotFound,
    VersionConflict,
    present,
)
from app.domain.ids import RequestId, Version
from app.service import delete_team as service


@strawberry.input(description="The team to delete.")
class DeleteTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    expected_version: Version = strawberry.field(description=EXPECTED_VERSION)
    request_id: RequestId | None = request_id_field()


@strawberry.type(
    description="The team was deleted, and its members are on no team. `team` is its last version, "
    "without members."
)
class DeleteTeamSuccess(Success):
    @strawberry.field(description="The id of the deleted team, to remove it from lists.")
    def deleted_team_id(self) -> NodeId:
        return self.team.id


DeleteTeamResult = Annotated[
    DeleteTeamSuccess | NotAllowed | InvalidInput | TeamNotFound | VersionConflict,
    result_of("deleteTeam"),
]


@mutation("Delete a team permanently. Its members are then on no team.")
async def delete_team(info: Info, input: Input[DeleteTeamInput]) -> DeleteTeamResult:
    outcome = await service.delete_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        expected_version=input.expected_version,
        request_id=input.request_id,
    )
    return present(outcome, DeleteTeamSuccess.of)
