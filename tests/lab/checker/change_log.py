"""Rule: the log is complete and possible, and replaying it gives the final teams."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import FinalTeam
from tests.lab.checker.replay import State, replay
from tests.lab.checker.violations import Violation

RULE = "change log"

# The change that a move makes in each of its two teams, and of both who, from where and to where.
_Halves = Counter[tuple[str | None, str | None, str | None]]


def check_change_log(evidence: Evidence) -> list[Violation]:
    """Violations within each team's log, and across teams."""
    sentences = [
        sentence
        for team_id, team in evidence.final.teams.items()
        for sentence in _judge_team(team_id, team)
    ]
    sentences += _find_half_moves(evidence)
    sentences += _find_repeated_requests(evidence)
    return [Violation(RULE, sentence) for sentence in sentences]


def _judge_team(team_id: str, team: FinalTeam) -> Iterator[str]:
    states = list(replay(team.log))
    faults = [state.fault for state in states if state.fault is not None]
    if faults:
        yield f"In the log of team {team_id}, {faults[0]}."
    last = states[-1] if states else State(0)
    if last.version != team.version:
        yield f"The log of team {team_id} ends at version {last.version}, not at {team.version}."
    if last.members != set(team.members):
        yield (
            f"Team {team_id} has the members {_list(team.members)}, "
            f"and its log leads to {_list(last.members)}."
        )
    if last.deleted != team.deleted:
        yield f"Team {team_id} is{'' if team.deleted else ' not'} deleted, other than its log says."


def _find_half_moves(evidence: Evidence) -> Iterator[str]:
    left, joined = _Halves(), _Halves()
    for team_id, team in evidence.final.teams.items():
        for change in team.log:
            if change.other_team_id is None:
                continue
            if change.kind == "UserLeftTeam":
                left[change.user_id, team_id, change.other_team_id] += 1
            else:
                joined[change.user_id, change.other_team_id, team_id] += 1
    for user_id, source, target in (left - joined) + (joined - left):
        yield f"Of a move of {user_id} from team {source} to team {target}, one half is missing."


def _find_repeated_requests(evidence: Evidence) -> Iterator[str]:
    made: dict[str, list[str]] = defaultdict(list)
    for team_id, team in evidence.final.teams.items():
        for change in team.log:
            is_second_half = change.kind == "UserJoinedTeam" and change.other_team_id is not None
            if change.request_id is not None and not is_second_half:
                made[change.request_id].append(f"version {change.version} of team {team_id}")
    for request_id, versions in made.items():
        if len(versions) > 1:
            yield f"Request {request_id} was carried out more than once: {', '.join(versions)}."


def _list(members: Iterable[str]) -> str:
    return ", ".join(sorted(members)) or "nobody"
