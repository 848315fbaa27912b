"""Compare the change log with the teams, without writing and beside running servers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.doctor.examine import SHOWN, batches
from app.doctor.progress import progress
from app.doctor.rules.fields import team_id_of
from app.doctor.rules.findings import REASONS, LogFinding
from app.doctor.rules.log_replay import Replay, compare, new_replay
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.doctor.storage.teams import StoredTeams
from app.domain.ids import MAX_VERSION, TeamId

MAX_ATTEMPTS = 5
"""Reads of a team that differs and has another version each time."""


@dataclass(slots=True)
class LogReport:
    """Result of a comparison: the number of teams with each finding, and the first of them."""

    examined: int = 0
    differing: int = 0
    counts: Counter[LogFinding] = field(default_factory=Counter)
    cases: dict[LogFinding, list[tuple[TeamId, str]]] = field(default_factory=dict)

    def add(self, team_id: TeamId, found: Mapping[LogFinding, str]) -> None:
        """Count the findings of a team."""
        self.differing += differs(found)
        for finding, text in found.items():
            self.counts[finding] += 1
            if self.counts[finding] <= SHOWN:
                self.cases.setdefault(finding, []).append((team_id, text))


def differs(found: Iterable[LogFinding]) -> bool:
    """True if the log and the team differ."""
    return not REASONS.issuperset(found)


async def compare_with_log(teams: StoredTeams) -> LogReport:
    """Replay each team's changes up to the version that was read, and compare.

    *Limits*: memory for a batch of teams, whatever the number of changes.
    """
    report = LogReport()
    with progress("Reading teams and log", await teams.count()) as bar:
        async for batch in batches(teams.walk()):
            await _compare_batch(teams, batch, report)
            report.examined += len(batch)
            bar.update(len(batch))
    with progress("Reading removed teams", 1) as bar:
        async for gone in teams.recorded_without_document():
            replays = {team_id: Replay(MAX_VERSION) for team_id in gone}
            await _replay(teams, replays)
            for team_id, replay in replays.items():
                if not replay.is_deleted:
                    text = f"the log ends with version {replay.newest}, and no deletion"
                    report.add(team_id, {LogFinding.NO_DOCUMENT: text})
        bar.update(1)
    return report


async def _compare_batch(
    teams: StoredTeams, batch: Sequence[StoredTeam], report: LogReport
) -> None:
    """Compare the teams; those that differ or are not recorded yet are read again.

    A difference counts if it is found twice at one version: an external writer may change a member
    and correct that in the next moment. Sue joins after the team was read: the log is ahead of it,
    which is a difference only if the team's version is the same when it is read again.
    """
    seen: dict[TeamKey, tuple[int, bool]] = {}
    for attempt in range(MAX_ATTEMPTS):
        started = [(team, team_id_of(team)[0], new_replay(team)) for team in batch]
        await _replay(teams, {id_: replay for _, id_, replay in started if replay})
        again: list[TeamKey] = []
        for team, team_id, replay in started:
            if replay is None:
                report.add(team_id, {LogFinding.DAMAGED: "no valid id, version or size"})
                continue
            found, before = compare(team, replay), seen.get(team.key)
            if before and before[0] != replay.up_to:
                found.pop(LogFinding.VERSION, None)
            now = replay.up_to, differs(found)
            if before == now or not (differs(found) or LogFinding.UNRECORDED in found):
                report.add(team_id, found)
            elif attempt + 1 < MAX_ATTEMPTS:
                seen[team.key] = now
                again.append(team.key)
            else:
                report.add(team_id, {LogFinding.CHANGING: f"has version {replay.up_to} by now"})
        if not again:
            return
        batch = [team async for team in teams.read(again)]


async def _replay(teams: StoredTeams, replays: Mapping[TeamId, Replay]) -> None:
    async for changes in teams.changes_of(list(replays)):
        for change in changes:
            replays[change.team_id].add(change)
