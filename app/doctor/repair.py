"""Repair broken documents, and undo repairs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.doctor.examine import SHOWN, Examination, Report, batches
from app.doctor.progress import progress
from app.doctor.rules.findings import Finding
from app.doctor.rules.memberships import Keep
from app.doctor.rules.stored_team import TeamKey
from app.doctor.storage.repairs import KEPT, RESTORED, RepairableTeams
from app.domain.faults import RepairStopped
from app.domain.ids import TeamId

MAX_ATTEMPTS = 5
"""Attempts on a document that other programs keep changing."""


def reason_to_refuse(report: Report) -> str | None:
    """The action that the operator must take first; None if the repair can start."""
    if too_large := report.counts.get(Finding.TOO_LARGE):
        return f"Documents too large to be repaired: {too_large}. Shorten them by hand first."
    if report.unresolved and report.keep is Keep.ASK_FILE:
        return (
            f"Users on several teams without a valid answer in the file: {report.unresolved}. "
            "Each needs a line with one of the user's own teams."
        )
    return None


async def repair(teams: RepairableTeams, examination: Examination, report: Report) -> int:
    """Repair the teams in the index; returns the number of documents written.

    *Atomicity*: one document; an interrupted repair continues when it is run again.
    *Raises*: `RepairStopped`, `DatabaseUnavailable`; repeating is safe.
    """
    repaired = 0
    if not report.is_well:
        await teams.remove_obstacles()
    with progress("Repairing the teams", report.broken) as bar:
        for keys in examination.index.broken_teams():
            repaired += await _repair_batch(teams, keys, examination)
            bar.update(len(keys))
    with progress("Building the indexes", 1) as bar:
        await teams.prepare()
        bar.update(1)
    return repaired


async def _repair_batch(
    teams: RepairableTeams, keys: Sequence[TeamKey], examination: Examination
) -> int:
    repaired = 0
    for _ in range(MAX_ATTEMPTS):
        missed: list[TeamKey] = []
        async for batch in batches(teams.read(keys)):
            needed = [plan for plan in await examination.plan(batch) if plan.notes]
            changed = await teams.rewrite(needed)
            repaired += len(needed) - len(changed)
            missed += changed
        if not missed:
            return repaired
        # Another program wrote after our read: plan these documents again.
        keys = missed
    raise RepairStopped(
        f"Another program still writes to the collection: {len(keys)} documents changed during "
        f"each of {MAX_ATTEMPTS} attempts to repair them. Stop it, then run the repair again."
    )


@dataclass(frozen=True, slots=True)
class Undone:
    """Counts of an undo. Teams changed since their repair are kept; `kept_ids` lists some."""

    entries: int
    restored: int
    kept: int
    kept_ids: Sequence[TeamId]


async def undo(teams: RepairableTeams) -> Undone:
    """Restore all documents of the journal, newest repair first.

    An interrupted undo continues when it is run again. *Raises*: as `repair`.
    """
    counts: Counter[str] = Counter()
    kept_ids: list[TeamId] = []
    with progress("Restoring the teams", await teams.count_repairs()) as bar:
        async for batch in teams.undo():
            counts.update(outcome for _, outcome in batch)
            kept_ids += [team_id for team_id, outcome in batch if outcome == KEPT]
            del kept_ids[SHOWN:]
            bar.update(len(batch))
    return Undone(counts.total(), counts[RESTORED], counts[KEPT], kept_ids)
