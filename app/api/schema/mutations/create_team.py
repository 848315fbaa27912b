"""createTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    CAPACITY,
    NAME,
    Input,
    Success,
    mutation,
    request_id_field,
    result_of,
)
from app.api.schema.problems import InvalidInput, NotAllowed, present
from app.domain.ids import RequestId
from app.service import create_team as service


@strawberry.input(description="The team to create.")
class CreateTeamInput:
    name: str = strawberry.field(description=NAME)
    capacity: int | None = strawberry.field(
        default=None, description=f"{CAPACITY} If omitted, the service's default applies."
    )
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The team was created.")
class CreateTeamSuccess(Success): ...


CreateTeamResult = Annotated[CreateTeamSuccess | NotAllowed | InvalidInput, result_of("createTeam")]


@mutation("Create a team at version 1, without members.")
async def create_team(info: Info, input: Input[CreateTeamInput]) -> CreateTeamResult:
    outcome = await service.create_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        name=input.name,
        capacity=input.capacity,
        request_id=input.request_id,
    )
    return present(outcome, CreateTeamSuccess.of)
