"""createTeam: a new team at version 1."""

from app.domain.changes import attribute
from app.domain.diagnosis import repeated
from app.domain.ids import RequestId, UserId
from app.domain.outcomes import Accepted
from app.domain.problems import InvalidInput
from app.domain.validation import check_capacity, check_id, check_name
from app.service.attempts import Attempts
from app.service.ports import TeamStore

CreateTeamOutcome = Accepted | InvalidInput


async def create_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    name: str,
    capacity: int | None,
    request_id: RequestId | None,
) -> CreateTeamOutcome:
    """The new team.

    *Atomicity*: one insert. *Held by*: index `one_team_per_creation_request`: a request id creates
    at most one team, for ever. *Outcomes*: `InvalidInput` for the name, the capacity or a request
    id that was used for another request. *Raises*: see `Attempts` and `TeamStore`.
    """
    name = name.strip()
    invalid = check_name(name) or check_capacity(capacity) or check_id("requestId", request_id)
    if invalid:
        return invalid
    by = attribute("createTeam", name, capacity, actor_id=viewer_id, request_id=request_id)

    attempts = Attempts()
    while True:
        if team := await store.insert_team(name=name, capacity=capacity, by=by):
            return Accepted(team)
        if answer := repeated(await store.find_created(by), by):
            return answer
        await attempts.again()
