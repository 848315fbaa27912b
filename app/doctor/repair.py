"""Repair broken documents, and undo repairs."""

from collections.abc import AsyncIterator, Sequence

from app.doctor.examine import SHOWN, Report, plan_repairs
from app.doctor.ports import MembershipIndex, Progress, RepairableTeams, UndoableRepairs, Undone
from app.doctor.rules.memberships import Keep
from app.doctor.rules.repair_plan import Finding
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.faults import RepairStopped

# So much is written at a time: few round trips, and a few copies of it fit into memory.
BYTES_AT_ONCE = 1_000_000

# How often a document that others change is read again before we give up.
MAX_ATTEMPTS = 5


def reason_to_refuse(report: Report) -> str | None:
    """The decision still missing from the operator; None if the repair can start."""
    if too_large := report.counts.get(Finding.TOO_LARGE):
        return f"Shorten by hand first what is too large to be repaired (documents: {too_large})."
    if report.unresolved and report.keep is Keep.ASK_FILE:
        return (
            f"The file does not settle {report.unresolved} of the users who are on several teams: "
            "each needs a line that names one of the user's own teams."
        )
    return None


async def repair(
    teams: RepairableTeams,
    index: MembershipIndex,
    report: Report,
    *,
    default_capacity: int,
    progress: Progress,
) -> int:
    """Repair the teams in the index; returns the number of documents written.

    *Atomicity*: one document; an interrupted repair continues when it is run again.
    *Raises*: `RepairStopped`, `DatabaseUnavailable`; repeating is safe.
    """
    repaired = 0
    if not report.is_well:
        await teams.remove_obstacles()
    progress.begin("Repairing the teams", index.count_broken())
    for keys in index.broken_teams():
        repaired += await _repair_batch(teams, keys, index, default_capacity=default_capacity)
        progress.advance(len(keys))
    progress.begin("Building the indexes", 1)
    await teams.prepare()
    progress.advance(1)
    return repaired


async def _repair_batch(
    teams: RepairableTeams,
    keys: Sequence[TeamKey],
    index: MembershipIndex,
    *,
    default_capacity: int,
) -> int:
    repaired = 0
    for _ in range(MAX_ATTEMPTS):
        missed: list[TeamKey] = []
        async for portion in _portions(teams.read(keys)):
            repairs = await plan_repairs(teams, portion, index, default_capacity=default_capacity)
            needed = [each for each in repairs if each.plan.findings]
            changed = await teams.rewrite(needed)
            repaired += len(needed) - len(changed)
            missed += changed
        if not missed:
            return repaired
        # Another program wrote after our read: plan these documents again.
        keys = missed
    raise RepairStopped(
        f"Documents changed each time they were about to be repaired ({len(keys)}): something "
        "still writes to the collection. Stop every program that does, then run the repair again."
    )


async def _portions(found: AsyncIterator[StoredTeam]) -> AsyncIterator[list[StoredTeam]]:
    portion: list[StoredTeam] = []
    size = 0
    async for team in found:
        portion.append(team)
        size += len(team.stored)
        if size > BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


async def undo(repairs: UndoableRepairs, *, progress: Progress) -> Undone:
    """Revert all repairs in the journal, newest first.

    An interrupted undo continues when it is run again. *Raises*: as `repair`.
    """
    progress.begin("Restoring the teams", await repairs.count())
    total = Undone()
    async for batch in repairs.undo():
        total = Undone(
            entries=total.entries + batch.entries,
            restored=total.restored + batch.restored,
            kept=total.kept + batch.kept,
            kept_ids=(total.kept_ids + batch.kept_ids)[:SHOWN],
        )
        progress.advance(batch.entries)
    return total
