"""Rule: a subscriber's events are the team's log, complete and in order from its start."""

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import Feed, FinalTeam
from tests.lab.checker.violations import Violation

RULE = "feeds"


def check_feeds(evidence: Evidence) -> list[Violation]:
    """A violation for each subscriber whose events differ from the log, at the first difference."""
    found = ((feed, _judge(feed, evidence)) for feed in evidence.final.feeds)
    return [
        Violation(RULE, f"Subscriber {feed.subscriber} to team {feed.team_id} {sentence}")
        for feed, sentence in found
        if sentence is not None
    ]


def _judge(feed: Feed, evidence: Evidence) -> str | None:
    team = evidence.final.teams.get(feed.team_id)
    if team is None:
        return "was told of a team that is not there." if feed.changes else None
    logged = evidence.logged[feed.team_id]
    last = feed.after_version
    for change in feed.changes:
        if change.version <= last:
            return f"was told of version {change.version} after version {last}."
        if change.version > last + 1:
            return f"was told of version {change.version} where version {last + 1} was due."
        entry = logged.get(change.version)
        if entry is None:
            return f"was told of version {change.version}, which the log does not hold."
        if entry.kind != change.kind:
            return f"was told of version {change.version} as {change.kind}, not as {entry.kind}."
        last = change.version
    return _judge_end(feed, team, last)


def _judge_end(feed: Feed, team: FinalTeam, last: int) -> str | None:
    if feed.caught_up and last < team.version:
        return f"was told no further than version {last}, and the team is at {team.version}."
    return None
