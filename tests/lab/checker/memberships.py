"""Rule: in the end, nobody is on two teams, twice in one team, or on a team that was deleted."""

from collections import defaultdict

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.violations import Violation

RULE = "memberships"


def check_memberships(evidence: Evidence) -> list[Violation]:
    """A violation for each user on an impossible team; judged by the final state alone."""
    teams: dict[str, list[str]] = defaultdict(list)
    sentences = []
    for team_id, team in evidence.final.teams.items():
        for user in team.members:
            teams[user].append(team_id)
        if team.deleted and team.members:
            sentences.append(f"Team {team_id} is deleted, and still has {len(team.members)}.")
    for user, found in teams.items():
        if len(set(found)) > 1:
            sentences.append(f"In the end, {user} is on the teams {', '.join(sorted(set(found)))}.")
        for team_id in sorted({team_id for team_id in found if found.count(team_id) > 1}):
            times = found.count(team_id)
            sentences.append(f"In the end, {user} is {times} times in team {team_id}.")
    return [Violation(RULE, sentence) for sentence in sentences]
