"""Rule: an unacknowledged version was made by an operation without an acknowledged version.

That is one whose outcome is unknown, or one that was acknowledged as a repetition only. Each can
have made one version (a move one in each of two teams), and those acknowledged must have.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.lab.checker.acknowledged import tell_entry
from tests.lab.checker.entries import Trace, traces_of
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import LoggedChange
from tests.lab.checker.matching import unmatched
from tests.lab.checker.violations import Violation

RULE = "unacknowledged"


@dataclass(frozen=True, slots=True)
class _Gap:
    """A version in no answer. It was made between the two moments."""

    team_id: str
    version: int
    entry: LoggedChange | None
    not_before: float
    not_after: float

    def could_be(self, trace: Trace) -> bool:
        """True if the operation may have made this entry."""
        in_time = (
            trace.effect.started_at <= self.not_after and trace.effect.ended_at >= self.not_before
        )
        return in_time and trace.could_be(self.team_id, self.version, self.entry)


def check_unacknowledged(evidence: Evidence) -> list[Violation]:
    """A violation for each version that nothing explains, and each repetition of nothing."""
    gaps = list(_find_gaps(evidence))
    traces = [
        trace for effect in evidence.effects if not effect.versions for trace in traces_of(effect)
    ]
    makers = _find_makers(gaps, traces)
    made: dict[int, list[int]] = {i: [] for i, trace in enumerate(traces) if trace.effect.certain}
    for number, candidates in makers.items():
        for i in candidates:
            if i in made:
                made[i].append(number)
    return [
        *(_unexplained(gaps[i], [traces[n] for n in makers[i]]) for i in unmatched(makers)),
        *(_in_vain(traces[i]) for i in unmatched(made)),
    ]


def _find_gaps(evidence: Evidence) -> Iterator[_Gap]:
    for team_id, team in evidence.final.teams.items():
        makers = evidence.makers.get(team_id, {})
        windows = evidence.windows[team_id]
        for version in range(1, team.version + 1):
            if version not in makers:
                yield _Gap(
                    team_id,
                    version,
                    evidence.logged[team_id].get(version),
                    not_before=windows.begins(version),
                    not_after=windows.ends(version),
                )


def _find_makers(gaps: Sequence[_Gap], traces: Sequence[Trace]) -> dict[int, list[int]]:
    """For each gap the traces that it could be, both by number."""
    by_team: dict[str | None, list[int]] = defaultdict(list)
    for number, trace in enumerate(traces):
        by_team[trace.team_id].append(number)
    return {
        number: [i for i in (*by_team[gap.team_id], *by_team[None]) if gap.could_be(traces[i])]
        for number, gap in enumerate(gaps)
    }


def _unexplained(gap: _Gap, candidates: Sequence[Trace]) -> Violation:
    told = f" ({tell_entry(gap.entry)})" if gap.entry else ""
    why = (
        "and all operations that could have made it must have made others"
        if candidates
        else "and no operation without an answer could have made it"
    )
    sentence = f"No answer gave version {gap.version} of team {gap.team_id}{told}, {why}."
    return Violation(RULE, sentence, tuple(trace.effect.operation for trace in candidates))


def _in_vain(trace: Trace) -> Violation:
    sentence = (
        "Lost change: it was acknowledged as made by an earlier sending, and there is no version "
        "that it can have made."
    )
    return Violation(RULE, sentence, (trace.effect.operation,))
