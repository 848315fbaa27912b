"""Factories of domain values, each with defaults for what a test does not care about."""

from datetime import UTC, datetime
from typing import Any

from app.domain.diagnosis import Replay, TeamState
from app.domain.ids import TeamId, UserId, Version
from app.domain.teams import Team

SUE = UserId("sue")
RED = TeamId("red")
BLUE = TeamId("blue")
SOME_TIME = datetime(2026, 5, 4, 3, 2, 1, 123_000, tzinfo=UTC)


def team(team_id: TeamId = RED, **given: Any) -> Team:
    """A team of two out of three, at version 7."""
    values: dict[str, Any] = {
        "name": "Red",
        "version": Version(7),
        "capacity": None,
        "limit": 3,
        "created_at": SOME_TIME,
        "updated_at": SOME_TIME,
        "member_count": 2,
    }
    return Team(id=team_id, **{**values, **given})


def state(
    *teams: Team, current_team: Team | None = None, replay: Replay | None = None
) -> TeamState:
    """The state with these teams."""
    known = {team.id: team for team in (*teams, *([current_team] if current_team else []))}
    return TeamState(known, {SUE: current_team.id} if current_team else {}, replay)
