"""addUsersToTeam: many users by one write, with an outcome for each."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.changes import attribute
from app.domain.diagnosis import (
    repeated_addition,
    team_not_found,
    users_not_added,
    version_conflict,
)
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import AcceptedUsers, UserOutcome
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    TeamFull,
    TeamNotFound,
    UsersNotAdded,
    VersionConflict,
)
from app.domain.validation import check_id, check_ids, check_version
from app.service.attempts import Attempts
from app.service.ports import TeamStore

AddUsersToTeamOutcome = (
    AcceptedUsers | InvalidInput | TeamNotFound | VersionConflict | UsersNotAdded
)


async def add_users_to_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    user_ids: Sequence[UserId],
    expected_version: Version | None,
    request_id: RequestId | None,
    atomic: bool,
) -> AddUsersToTeamOutcome:
    """The team with all users who can be added; with `atomic`, with all of them or unchanged.

    *Atomicity*: one document, one write. *Held by*: as `add_user_to_team`, for all users in one
    filter. *Outcomes*: `UsersNotAdded` with `atomic` only. *Raises*: see `Attempts` and
    `TeamStore`; `TeamDamaged` if that is the team, or a team that one of the users is on.
    """
    invalid = (
        check_id("teamId", team_id)
        or check_ids("userIds", user_ids)
        or check_version("expectedVersion", expected_version)
        or check_id("requestId", request_id)
    )
    if invalid:
        return invalid
    by = attribute(
        "addUsersToTeam",
        *(team_id, tuple(user_ids), expected_version, atomic),
        actor_id=viewer_id,
        request_id=request_id,
    )

    attempts = Attempts()
    problems: dict[UserId, AlreadyOnTeam | TeamFull] = {}
    while True:
        left_out = sum(1 << index for index, each in enumerate(user_ids) if each in problems)
        if teams := await store.add_members(
            team_id=team_id,
            user_ids=[user_id for user_id in user_ids if user_id not in problems],
            must_be_full=any(isinstance(each, TeamFull) for each in problems.values()),
            expected_version=expected_version,
            by=replace(by, left_out=left_out),
        ):
            versions = iter(teams)
            outcomes = [
                _refused(user_id, problems[user_id])
                if user_id in problems
                else UserOutcome(user_id, added=True, version=next(versions).version)
                for user_id in user_ids
            ]
            return AcceptedUsers(teams[-1], outcomes)
        # Read after the refusal, so a reason found in it held during this request (G8).
        state = await store.read_state(team_ids=[team_id], user_ids=user_ids, by=by)
        if answer := (
            repeated_addition(state.replay, by, user_ids)
            or team_not_found(state, team_id)
            or version_conflict(state, team_id, expected_version)
        ):
            return answer
        # Of all users anew: Sue, left out before, may have left her team since.
        problems = users_not_added(state, team_id, user_ids)
        if problems and atomic:
            return UsersNotAdded(problems)
        if len(problems) == len(user_ids):
            outcomes = [_refused(*each) for each in problems.items()]
            return AcceptedUsers(state.usable_team(team_id), outcomes)
        await attempts.again(None if problems else state)


def _refused(user_id: UserId, problem: AlreadyOnTeam | TeamFull) -> UserOutcome:
    return UserOutcome(user_id, added=False, problem=problem)
