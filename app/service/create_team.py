"""createTeam: a new team at version 1."""

from app.domain.changes import attribute
from app.domain.ids import RequestId, UserId
from app.domain.outcomes import Accepted
from app.domain.problems import InvalidInput, NotAllowed
from app.domain.standing import request_id_reused
from app.domain.validation import check_capacity, check_id, check_name
from app.service.attempts import write_or_diagnose
from app.service.ports import TeamStore

CreateTeamOutcome = Accepted | NotAllowed | InvalidInput


async def create_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    name: str,
    capacity: int | None,
    request_id: RequestId | None,
) -> CreateTeamOutcome:
    """The new team.

    *Atomicity*: one insert. *Held by*: index `one_team_per_creation_request`, by which a request
    id creates one team for ever. *Outcomes*: `InvalidInput` for the name, the capacity or a request
    id that was used for something else. *Raises*: see `write_or_diagnose` and `TeamStore`.
    """
    name = name.strip()
    invalid = check_name(name) or check_capacity(capacity) or check_id("requestId", request_id)
    if invalid:
        return invalid
    by = attribute("createTeam", name, capacity, actor_id=viewer_id, request_id=request_id)

    async def write() -> Accepted | None:
        team = await store.insert_team(name=name, capacity=capacity, by=by)
        return Accepted(team) if team else None

    async def diagnose() -> Accepted | InvalidInput | None:
        created = await store.find_created(by)
        if created is None:
            return None
        return request_id_reused(created, by) or Accepted(created.team, replayed=True)

    return await write_or_diagnose(write, diagnose)
