"""How things stand after a refused write, and the reasons for a refusal that can be read off it.

Each function below answers one problem when it holds in a `Standing`, else None. Chained with
`or` in the order of `problems.py` they make a diagnosis that is true of the moment of the reading;
when all answer None, what refused the write is gone and the write is worth another attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.changes import UNCHANGED, Attribution, Unchanged
from app.domain.ids import TeamId, UserId, Version
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
)
from app.domain.teams import Team


@dataclass(frozen=True, slots=True)
class Replay:
    """The request has changed this team, with this input; a move also the other one."""

    team: Team
    input_digest: str
    other_team: Team | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What one read found: the live teams asked for, the user's team, a trace of the request.

    Every team in it has its `member_count`.
    """

    teams: Mapping[TeamId, Team]
    current_team: Team | None
    replay: Replay | None


def request_id_reused(replay: Replay | None, by: Attribution) -> InvalidInput | None:
    """The request id was used before, for something else."""
    if replay is None or replay.input_digest == by.input_digest:
        return None
    return InvalidInput(
        "requestId", "was used before with other input; every request needs its own"
    )


def team_not_found(standing: Standing, team_id: TeamId | None) -> TeamNotFound | None:
    """The team was named, and does not exist."""
    if team_id is None or team_id in standing.teams:
        return None
    return TeamNotFound(team_id)


def already_on_team(standing: Standing, user_id: UserId) -> AlreadyOnTeam | None:
    """The user is on any team."""
    if standing.current_team is None:
        return None
    return AlreadyOnTeam(user_id, standing.current_team)


def already_on_that_team(
    standing: Standing, user_id: UserId, team_id: TeamId
) -> AlreadyOnTeam | None:
    """The user is on the very team that was asked for."""
    if standing.current_team is None or standing.current_team.id != team_id:
        return None
    return AlreadyOnTeam(user_id, standing.current_team)


def not_on_team(standing: Standing, user_id: UserId, team_id: TeamId | None) -> NotOnTeam | None:
    """The user is not on that team; or, where no team was named, on none."""
    current_team = standing.current_team
    if current_team is not None and team_id in (None, current_team.id):
        return None
    return NotOnTeam(user_id, current_team)


def version_conflict(
    standing: Standing, team_id: TeamId | None, expected_version: Version | None
) -> VersionConflict | None:
    """The team is at another version than the one expected, if one was."""
    team = standing.teams.get(team_id) if team_id else standing.current_team
    if team is None or expected_version in (None, team.version):
        return None
    return VersionConflict(expected_version, team)


def team_full(standing: Standing, team_id: TeamId) -> TeamFull | None:
    """The team has no room for one more."""
    team = standing.teams.get(team_id)
    if team is None or team.member_count is None or team.member_count < team.limit:
        return None
    return TeamFull(team.limit)


def members_do_not_fit(
    standing: Standing, team_id: TeamId, limit: int | Unchanged
) -> TeamFull | None:
    """The team has more members than a new limit would let it have."""
    team = standing.teams.get(team_id)
    if limit is UNCHANGED or team is None or (team.member_count or 0) <= limit:
        return None
    return TeamFull(limit)
