"""moveUserToTeam: from one team to another in one step; switchTeam is the same for the viewer."""

from app.domain.changes import attribute
from app.domain.diagnosis import (
    already_on_that_team,
    not_on_team,
    repeated_move,
    team_full,
    team_not_found,
    version_conflict,
)
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import AcceptedMove
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
)
from app.domain.validation import check_id, check_version
from app.service.attempts import Attempts
from app.service.ports import TeamStore

MoveUserToTeamOutcome = (
    AcceptedMove
    | InvalidInput
    | TeamNotFound
    | AlreadyOnTeam
    | NotOnTeam
    | VersionConflict
    | TeamFull
)


async def move_user_to_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    user_id: UserId,
    to_team_id: TeamId,
    from_team_id: TeamId | None,
    expected_to_version: Version | None,
    expected_from_version: Version | None,
    request_id: RequestId | None,
) -> MoveUserToTeamOutcome:
    """Both teams, the user on the second; without `from_team_id`, from the user's current team.

    *Atomicity*: a transaction over the two teams. *Held by*: G1 index `one_team_per_user`; G2, G3
    and G4 in the filters of both writes. *Outcomes*: `AlreadyOnTeam` when the user is on the
    target; `NotOnTeam` when not on the team to leave, or on none.
    *Raises*: see `Attempts` and `TeamStore`.
    """
    invalid = (
        check_id("userId", user_id)
        or check_id("toTeamId", to_team_id)
        or check_id("fromTeamId", from_team_id)
        or check_version("expectedToVersion", expected_to_version)
        or check_version("expectedFromVersion", expected_from_version)
        or check_id("requestId", request_id)
    )
    if invalid:
        return invalid
    by = attribute(
        "moveUserToTeam",
        *(user_id, to_team_id, from_team_id, expected_to_version, expected_from_version),
        actor_id=viewer_id,
        request_id=request_id,
    )

    attempts = Attempts()
    team_ids = [to_team_id, from_team_id] if from_team_id else [to_team_id]
    while True:
        if moved := await store.move_member(
            user_id=user_id,
            to_team_id=to_team_id,
            from_team_id=from_team_id,
            expected_to_version=expected_to_version,
            expected_from_version=expected_from_version,
            by=by,
        ):
            return moved
        # Read after the refusal, so a reason found in it held during this request (G8).
        state = await store.read_state(team_ids=team_ids, user_ids=[user_id], by=by)
        if answer := (
            repeated_move(state.replay, by, to_team_id)
            or team_not_found(state, to_team_id)
            or team_not_found(state, from_team_id)
            or already_on_that_team(state, user_id, to_team_id)
            or not_on_team(state, user_id, from_team_id)
            or version_conflict(state, to_team_id, expected_to_version)
            or version_conflict(state, from_team_id, expected_from_version)
            or team_full(state, to_team_id)
        ):
            return answer
        await attempts.again(state)
