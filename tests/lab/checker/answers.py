"""Outcomes as `history` writes them down, out of the answers that `tests.harness.client` gives."""

from collections.abc import Mapping
from typing import Any

from tests.lab.checker.history import Accepted, LoggedChange, Refused, TeamVersion


def outcome_of(answer: Mapping[str, Any]) -> Accepted | Refused:
    """The outcome of a mutation that was answered with one of its union's types."""
    typename: str = answer["__typename"]
    if typename.endswith("Success"):
        names = ("team",) if "team" in answer else ("fromTeam", "toTeam")
        return Accepted(tuple(team_version(answer[name]) for name in names), answer["replayed"])
    user_team = answer.get("currentTeam") or answer.get("otherTeam")
    return Refused(
        typename,
        user_team=team_version(user_team) if user_team else None,
        actual_version=answer.get("actualVersion"),
        capacity=answer.get("capacity"),
    )


def team_version(team: Mapping[str, Any]) -> TeamVersion:
    return TeamVersion(team["id"], team["version"], team.get("name"), team.get("memberCount"))


def logged_change(entry: Mapping[str, Any]) -> LoggedChange:
    """An entry of the log, from its document in `team_changes`."""
    return LoggedChange(
        version=entry["version"],
        kind=entry["kind"],
        user_id=entry.get("userId"),
        other_team_id=entry.get("otherTeamId"),
        name=entry.get("name"),
        capacity=entry.get("capacity"),
        request_id=entry.get("requestId"),
    )
