"""updateTeam."""

from typing import Annotated

import strawberry

from app.api.errors import misfit
from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    CAPACITY,
    EXPECTED_VERSION,
    NAME,
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
    TeamFull,
    TeamNotFound,
    VersionConflict,
    present,
)
from app.domain.changes import UNCHANGED
from app.domain.ids import RequestId, Version
from app.service import update_team as service


@strawberry.input(description="The team to update, and its new values. Omitted ones are kept.")
class UpdateTeamInput:
    team_id: NodeId = strawberry.field(description=TEAM_ID)
    expected_version: Version = strawberry.field(description=EXPECTED_VERSION)
    name: strawberry.Maybe[str | None] = strawberry.field(
        description=f"{NAME} Must not be null.", default=None
    )
    capacity: strawberry.Maybe[int | None] = strawberry.field(
        description=f"{CAPACITY} Null restores the service's default.", default=None
    )
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The team was updated.")
class UpdateTeamSuccess(Success): ...


UpdateTeamResult = Annotated[
    UpdateTeamSuccess | NotAllowed | InvalidInput | TeamNotFound | VersionConflict | TeamFull,
    result_of("updateTeam"),
]


@mutation("Change a team's name, capacity, or both.")
async def update_team(info: Info, input: Input[UpdateTeamInput]) -> UpdateTeamResult:
    name = input.name.value if input.name else UNCHANGED
    if name is None:  # nullable in the schema, since GraphQL has no other optional inputs
        raise misfit("input.name", "it can't be null; leave it out to keep the name.")
    outcome = await service.update_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=read_team_id(input.team_id),
        expected_version=input.expected_version,
        name=name,
        capacity=input.capacity.value if input.capacity else UNCHANGED,
        request_id=input.request_id,
        default_capacity=info.context.services.default_capacity,
    )
    return present(outcome, UpdateTeamSuccess.of)
