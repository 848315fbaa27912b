"""deleteTeam: deletes a team, at exactly the version the client saw."""

from app.domain.changes import attribute
from app.domain.diagnosis import repeated, team_not_found, version_conflict
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import Accepted
from app.domain.problems import InvalidInput, TeamNotFound, VersionConflict
from app.domain.validation import check_id, check_version
from app.service.attempts import Attempts
from app.service.ports import TeamStore

DeleteTeamOutcome = Accepted | InvalidInput | TeamNotFound | VersionConflict


async def delete_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    expected_version: Version,
    request_id: RequestId | None,
) -> DeleteTeamOutcome:
    """The deleted team, without members: from that write on they can join another.

    *Atomicity*: one document. *Held by*: G3 `version` in the filter. *Outcomes*: `VersionConflict`
    at another version; `TeamNotFound` also for a team that is deleted already.
    *Raises*: see `Attempts` and `TeamStore`.
    """
    invalid = (
        check_id("teamId", team_id)
        or check_version("expectedVersion", expected_version)
        or check_id("requestId", request_id)
    )
    if invalid:
        return invalid
    by = attribute(
        "deleteTeam", team_id, expected_version, actor_id=viewer_id, request_id=request_id
    )

    attempts = Attempts()
    while True:
        if team := await store.delete_team(
            team_id=team_id,
            expected_version=expected_version,
            by=by,
        ):
            return Accepted(team)
        # Read after the refusal, so a reason found in it held during this request (G8).
        state = await store.read_state(team_ids=[team_id], user_ids=(), by=by)
        if answer := (
            repeated(state.replay, by)
            or team_not_found(state, team_id)
            or version_conflict(state, team_id, expected_version)
        ):
            return answer
        await attempts.again(state)
