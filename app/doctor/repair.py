"""Brings every document that needs it to our form, and takes that back."""

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
    """Why nothing of this may be repaired yet: what only the operator can decide."""
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
    """Repairs what the examination has found and entered; how many documents were written.

    *Atomicity*: none over the whole, one document at a time; killed at any point, it goes on where
    it was when it is run again. *Raises*: `RepairStopped`, `DatabaseUnavailable`; repeating is
    safe.
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
        # Somebody wrote to them after we had read them: what they are now is judged anew.
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
    """Takes back what repairs have done, the last change first, as far as the journal reaches.

    Killed at any point, it goes on where it was when it is run again. *Raises*: as `repair`.
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
