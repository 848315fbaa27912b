"""updateTeam."""

from typing import Annotated

import strawberry

from app.api.errors import misfit
from app.api.schema.context import COUNTED_BY, Info
from app.api.schema.mutations.fields import (
    CAPACITY,
    EXPECTED_VERSION,
    NAME,
    TEAM_ID,
    read_request_id,
    replayed_field,
    request_id_field,
)
from app.api.schema.problems import (
    InvalidInput,
    NotAllowed,
    TeamFull,
    TeamNotFound,
    VersionConflict,
    present_problem,
)
from app.api.schema.types import Team
from app.domain.changes import UNCHANGED
from app.domain.ids import TeamId, Version
from app.domain.outcomes import Accepted
from app.service import update_team as service


@strawberry.input(description="What to change of which team. What is left out stays as it is.")
class UpdateTeamInput:
    """What to change of which team."""

    team_id: strawberry.ID = strawberry.field(description=TEAM_ID)
    expected_version: int = strawberry.field(description=EXPECTED_VERSION.split(". ")[0] + ".")
    name: strawberry.Maybe[str | None] = strawberry.field(
        description=f"{NAME} Left out or given, not null.", default=None
    )
    capacity: strawberry.Maybe[int | None] = strawberry.field(
        description=f"{CAPACITY} Null gives it back to the service's default limit.", default=None
    )
    request_id: strawberry.ID | None = request_id_field()


@strawberry.type(description="The team was updated.")
class UpdateTeamSuccess:
    """The team was updated."""

    team: Team = strawberry.field(description="The team after the change.")
    replayed: bool = replayed_field()


UpdateTeamResult = Annotated[
    UpdateTeamSuccess | NotAllowed | InvalidInput | TeamNotFound | VersionConflict | TeamFull,
    strawberry.union("UpdateTeamResult"),
]


async def update_team(info: Info, input: UpdateTeamInput) -> UpdateTeamResult:
    """Gives a team another name, another capacity, or both."""
    if refused := await info.context.refusal_on_team("updateTeam", TeamId(input.team_id)):
        return present_problem(refused)
    name = input.name.value if input.name else UNCHANGED
    if name is None:  # in the schema it looks as if it could be
        raise misfit("input.name", "it can't be null; leave it out to keep the name.")
    outcome = await service.update_team(
        info.context.services.store,
        viewer_id=info.context.viewer_id,
        team_id=TeamId(input.team_id),
        expected_version=Version(input.expected_version),
        name=name,
        capacity=input.capacity.value if input.capacity else UNCHANGED,
        request_id=read_request_id(input.request_id),
        default_capacity=info.context.services.default_capacity,
        with_member_count=info.selects(*COUNTED_BY),
    )
    match outcome:
        case Accepted(team=team, replayed=replayed):
            return UpdateTeamSuccess(team=Team.of(team), replayed=replayed)
        case problem:
            return present_problem(problem)
