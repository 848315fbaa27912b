"""updateTeam: a new name, a new capacity, or both, at exactly the version the client saw."""

from app.domain.changes import UNCHANGED, Unchanged, attribute
from app.domain.diagnosis import members_do_not_fit, repeated, team_not_found, version_conflict
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import Accepted
from app.domain.problems import InvalidInput, TeamFull, TeamNotFound, VersionConflict
from app.domain.validation import check_capacity, check_id, check_name, check_version
from app.service.attempts import Attempts
from app.service.ports import TeamStore

UpdateTeamOutcome = Accepted | InvalidInput | TeamNotFound | VersionConflict | TeamFull


async def update_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    expected_version: Version,
    name: str | Unchanged,
    capacity: int | Unchanged | None,
    request_id: RequestId | None,
    default_capacity: int,
) -> UpdateTeamOutcome:
    """The updated team; a capacity of None restores the service's default.

    *Atomicity*: one document. *Held by*: G3 `version`, G4 the array's size, both in the filter.
    *Outcomes*: `VersionConflict` at another version; `TeamFull` when the team has more members than
    the new capacity; `InvalidInput` also when there is nothing to update.
    *Raises*: see `Attempts` and `TeamStore`.
    """
    if name is not UNCHANGED:
        name = name.strip()
    invalid = (
        check_id("teamId", team_id)
        or check_version("expectedVersion", expected_version)
        or check_name(name)
        or check_capacity(capacity)
        or check_id("requestId", request_id)
    )
    if invalid:
        return invalid
    if name is UNCHANGED and capacity is UNCHANGED:
        return InvalidInput("name", "or capacity must be given")
    by = attribute(
        "updateTeam",
        *(team_id, expected_version, name, capacity),
        actor_id=viewer_id,
        request_id=request_id,
    )
    new_limit = default_capacity if capacity is None else capacity

    attempts = Attempts()
    while True:
        if team := await store.update_team(
            team_id=team_id,
            expected_version=expected_version,
            name=name,
            capacity=capacity,
            by=by,
        ):
            return Accepted(team)
        # Read after the refusal, so a reason found in it held during this request (G8).
        state = await store.read_state(team_ids=[team_id], user_ids=(), by=by)
        if answer := (
            repeated(state.replay, by)
            or team_not_found(state, team_id)
            or version_conflict(state, team_id, expected_version)
            or members_do_not_fit(state, team_id, new_limit)
        ):
            return answer
        await attempts.again(state)
