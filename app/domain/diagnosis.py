"""Diagnosis of a refused write: the state read after the refusal, and the reasons in it.

Each reason below is the problem if it holds in the state, else None. Chained with `or` in the order
of `problems.py`, after `repeated`, they give an answer that was true at the time of the read. If
none holds, the cause of the refusal is gone, and the write is worth another attempt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.changes import UNCHANGED, Attribution, Unchanged
from app.domain.faults import TeamDamaged
from app.domain.ids import LAST_VERSION, TeamId, UserId, Version
from app.domain.outcomes import Accepted, AcceptedMove, AcceptedUsers, UserOutcome
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
)
from app.domain.teams import FoundTeam, Team


@dataclass(frozen=True, slots=True)
class Replay:
    """An earlier sending of the request: its input, and the team it changed; for a move, both.

    `left_out` is that of its `Attribution`.
    """

    team: Team
    input_digest: str
    other_team: Team | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class TeamState:
    """The result of one read: the live teams asked for, the users' teams, an earlier sending.

    Every team in it has its `member_count`. A damaged one is a fault only for an answer that shows
    it, or if no reason holds: see `damage`.
    """

    teams: Mapping[TeamId, FoundTeam]
    current_team_ids: Mapping[UserId, TeamId]
    replay: Replay | None

    @property
    def current_team_id(self) -> TeamId | None:
        """The team of the only user asked for."""
        return next(iter(self.current_team_ids.values()), None)

    @property
    def current_team(self) -> Team | None:
        """The team of the only user asked for. *Raises*: `TeamDamaged`."""
        return self.usable_team(self.current_team_id) if self.current_team_id else None

    def usable_team(self, team_id: TeamId) -> Team:
        """A team of the state. *Raises*: `TeamDamaged`."""
        team = self.teams[team_id]
        if isinstance(team, TeamDamaged):
            raise team
        return team

    @property
    def damage(self) -> TeamDamaged | None:
        """The reason for a refusal that nothing else explains: a team that can't be changed."""
        for team in self.teams.values():
            if isinstance(team, TeamDamaged):
                return team
            if team.version >= LAST_VERSION:
                return TeamDamaged("A team has reached the last version.")
        return None

    def sound_team(self, team_id: TeamId | None) -> Team | None:
        """The team, unless it is missing or damaged."""
        team = self.teams.get(team_id) if team_id else None
        return None if isinstance(team, TeamDamaged) else team


def repeated(replay: Replay | None, by: Attribution) -> Accepted | InvalidInput | None:
    """The answer to a repeated request: accepted again, or refused if the input is another.

    It comes before any reason: what the request asked for has happened, and its own first sending
    refused the repetition.
    """
    if replay is None:
        return None
    return _request_id_reused(replay, by) or Accepted(replay.team, replayed=True)


def repeated_move(
    replay: Replay | None, by: Attribution, to_team_id: TeamId
) -> AcceptedMove | InvalidInput | None:
    """`repeated` for a change of two teams."""
    if replay is None:
        return None
    if problem := _request_id_reused(replay, by):
        return problem
    if replay.other_team is None:
        return None
    if replay.team.id == to_team_id:
        return AcceptedMove(replay.other_team, replay.team, replayed=True)
    return AcceptedMove(replay.team, replay.other_team, replayed=True)


def repeated_addition(
    replay: Replay | None, by: Attribution, user_ids: Sequence[UserId]
) -> AcceptedUsers | InvalidInput | None:
    """`repeated` for many users."""
    if replay is None:
        return None
    users = [
        UserOutcome(user_id, added=not replay.left_out >> index & 1)
        for index, user_id in enumerate(user_ids)
    ]
    return _request_id_reused(replay, by) or AcceptedUsers(replay.team, users, replayed=True)


def _request_id_reused(replay: Replay, by: Attribution) -> InvalidInput | None:
    if replay.input_digest == by.input_digest:
        return None
    return InvalidInput(
        "requestId", "was used before with other input; every request needs its own"
    )


def team_not_found(state: TeamState, team_id: TeamId | None) -> TeamNotFound | None:
    """The team was named, and does not exist."""
    if team_id is None or team_id in state.teams:
        return None
    return TeamNotFound(team_id)


def already_on_team(state: TeamState, user_id: UserId) -> AlreadyOnTeam | None:
    """The user is on any team."""
    if state.current_team is None:
        return None
    return AlreadyOnTeam(user_id, state.current_team)


def already_on_that_team(
    state: TeamState, user_id: UserId, team_id: TeamId
) -> AlreadyOnTeam | None:
    """The user is already on the requested team."""
    if state.current_team_id != team_id:
        return None
    return already_on_team(state, user_id)


def not_on_team(state: TeamState, user_id: UserId, team_id: TeamId | None) -> NotOnTeam | None:
    """The user is not on that team; if none was named, on no team."""
    if state.current_team_id is not None and team_id in (None, state.current_team_id):
        return None
    return NotOnTeam(user_id, state.current_team)


def version_conflict(
    state: TeamState, team_id: TeamId | None, expected_version: Version | None
) -> VersionConflict | None:
    """The team is at another version than the one expected, if one was."""
    team = state.sound_team(team_id or state.current_team_id)
    if team is None or expected_version in (None, team.version):
        return None
    return VersionConflict(expected_version, team)


def team_full(state: TeamState, team_id: TeamId) -> TeamFull | None:
    """The team has no room for one more."""
    team = state.sound_team(team_id)
    if team is None or team.member_count is None or team.member_count < team.limit:
        return None
    return TeamFull(team.limit)


def users_not_added(
    state: TeamState, team_id: TeamId, user_ids: Sequence[UserId]
) -> dict[UserId, AlreadyOnTeam | TeamFull]:
    """The users who can't be added, and why. The first free ones in the list get the room."""
    team = state.usable_team(team_id)
    room = team.limit - (team.member_count or 0)
    problems: dict[UserId, AlreadyOnTeam | TeamFull] = {}
    for user_id in user_ids:
        if current_team_id := state.current_team_ids.get(user_id):
            problems[user_id] = AlreadyOnTeam(user_id, state.usable_team(current_team_id))
        elif room <= 0:
            problems[user_id] = TeamFull(team.limit)
        room -= user_id not in problems
    return problems


def members_do_not_fit(
    state: TeamState, team_id: TeamId, limit: int | Unchanged
) -> TeamFull | None:
    """The team has more members than the new limit allows."""
    team = state.sound_team(team_id)
    if limit is UNCHANGED or team is None or (team.member_count or 0) <= limit:
        return None
    return TeamFull(limit)
