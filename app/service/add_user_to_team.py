"""addUserToTeam; joinTeam is the same for the viewer."""

from app.domain.changes import attribute
from app.domain.diagnosis import (
    already_on_team,
    repeated,
    team_full,
    team_not_found,
    version_conflict,
)
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import Accepted
from app.domain.problems import AlreadyOnTeam, InvalidInput, TeamFull, TeamNotFound, VersionConflict
from app.domain.validation import check_id, check_version
from app.service.attempts import Attempts
from app.service.ports import TeamStore

AddUserToTeamOutcome = (
    Accepted | InvalidInput | TeamNotFound | AlreadyOnTeam | VersionConflict | TeamFull
)


async def add_user_to_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    user_id: UserId,
    expected_version: Version | None,
    request_id: RequestId | None,
) -> AddUserToTeamOutcome:
    """The team with the user on it.

    *Atomicity*: one document. *Held by*: G1 index `one_team_per_user`; G2 `$nin`, G3 `version` and
    G4 the array's size in the filter. *Outcomes*: `AlreadyOnTeam` with the team the user is on,
    this one or another. *Raises*: see `Attempts` and `TeamStore`.
    """
    invalid = (
        check_id("teamId", team_id)
        or check_id("userId", user_id)
        or check_version("expectedVersion", expected_version)
        or check_id("requestId", request_id)
    )
    if invalid:
        return invalid
    by = attribute(
        "addUserToTeam",
        *(team_id, user_id, expected_version),
        actor_id=viewer_id,
        request_id=request_id,
    )

    attempts = Attempts()
    while True:
        if team := await store.add_member(
            team_id=team_id,
            user_id=user_id,
            expected_version=expected_version,
            by=by,
        ):
            return Accepted(team)
        # Read after the refusal, so a reason found in it held during this request (G8).
        state = await store.read_state(team_ids=[team_id], user_ids=[user_id], by=by)
        if answer := (
            repeated(state.replay, by)
            or team_not_found(state, team_id)
            or already_on_team(state, user_id)
            or version_conflict(state, team_id, expected_version)
            or team_full(state, team_id)
        ):
            return answer
        await attempts.again(state)
