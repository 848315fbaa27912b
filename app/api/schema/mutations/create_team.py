"""createTeam."""

from typing import Annotated

import strawberry

from app.api.schema.context import Info
from app.api.schema.mutations.fields import (
    CAPACITY,
    NAME,
    read_request_id,
    replayed_field,
    request_id_field,
)
from app.api.schema.problems import InvalidInput, NotAllowed, present_problem
from app.api.schema.types import Team
from app.domain.outcomes import Accepted
from app.service import create_team as service


@strawberry.input(description="The team to create.")
class CreateTeamInput:
    """The team to create."""

    name: str = strawberry.field(description=NAME)
    capacity: int | None = strawberry.field(
        default=None, description=f"{CAPACITY} Without it the service's default limit applies."
    )
    request_id: strawberry.ID | None = request_id_field()


@strawberry.type(description="The team was created.")
class CreateTeamSuccess:
    """The team was created."""

    team: Team = strawberry.field(description="The new team.")
    replayed: bool = replayed_field()


CreateTeamResult = Annotated[
    CreateTeamSuccess | NotAllowed | InvalidInput, strawberry.union("CreateTeamResult")
]


async def create_team(info: Info, input: CreateTeamInput) -> CreateTeamResult:
    """A new team at version 1, without members."""
    if refused := info.context.refusal("createTeam"):
        return present_problem(refused)
    outcome = await service.create_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        name=input.name,
        capacity=input.capacity,
        request_id=read_request_id(input.request_id),
    )
    match outcome:
        case Accepted(team=team, replayed=replayed):
            return CreateTeamSuccess(team=Team.of(team), replayed=replayed)
        case problem:
            return present_problem(problem)
