"""createTeam."""

from typing import Annotated, Self

import strawberry

from app.api.schema.context import Info
from app.api.schema.cursors import team_cursor
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
from app.api.schema.queries import OrderBy, TeamEdge, TeamOrder
from app.api.schema.types import Team
from app.domain import pages
from app.domain import teams as domain
from app.domain.ids import RequestId
from app.domain.outcomes import Accepted
from app.service import create_team as service


@strawberry.input(description="The team to create.")
class CreateTeamInput:
    name: str = strawberry.field(description=NAME)
    capacity: int | None = strawberry.field(
        default=None, description=f"{CAPACITY} If omitted, the service's default applies."
    )
    request_id: RequestId | None = request_id_field()


@strawberry.type(description="The team was created.")
class CreateTeamSuccess(Success):
    created: strawberry.Private[domain.Team]

    @classmethod
    def of(cls, outcome: Accepted) -> Self:
        return cls(team=Team.of(outcome.team), replayed=outcome.replayed, created=outcome.team)

    @strawberry.field(
        description="The team's edge in `teams`, to insert it into a list of the same order."
    )
    def team_edge(self, order_by: OrderBy = TeamOrder.CREATED_AT_ASC) -> TeamEdge:
        order = pages.TeamOrder[order_by.name]
        key = self.created.name if order.by_name else self.created.created_at
        position = pages.TeamPosition(key, self.created.id)
        return TeamEdge(cursor=team_cursor(position, order), found=self.created, at=None)


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
