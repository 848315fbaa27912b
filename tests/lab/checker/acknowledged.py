"""Rule: every acknowledged change is in the log at its version, with the requested content."""

from tests.lab.checker.effects import Effect
from tests.lab.checker.entries import Trace, traces_of
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import LoggedChange
from tests.lab.checker.violations import Violation

RULE = "acknowledged"


def check_acknowledged(evidence: Evidence) -> list[Violation]:
    """A violation for each acknowledged change that is missing or different in the log."""
    return [
        violation
        for effect in evidence.effects
        for trace in traces_of(effect)
        if (violation := _judge(evidence, effect, trace)) is not None
    ]


def _judge(evidence: Evidence, effect: Effect, trace: Trace) -> Violation | None:
    team_id = trace.team_id
    if team_id is None or team_id not in effect.versions:
        return None
    version = effect.versions[team_id]
    entry = evidence.logged.get(team_id, {}).get(version)
    if entry is None:
        sentence = (
            f"Lost change: version {version} of team {team_id} was acknowledged, "
            "and the log does not hold it."
        )
    elif not trace.tells_the_same(entry):
        sentence = (
            f"The log tells of version {version} of team {team_id} otherwise than the answer "
            f"that acknowledged it: {tell_entry(entry)}."
        )
    else:
        return None
    return Violation(RULE, sentence, (effect.operation,))


def tell_entry(entry: LoggedChange) -> str:
    details = {
        "user": entry.user_id,
        "other team": entry.other_team_id,
        "name": entry.name,
        "capacity": entry.capacity,
        "request": entry.request_id,
    }
    told = ", ".join(f"{name} {value}" for name, value in details.items() if value is not None)
    return f"{entry.kind}({told})"
