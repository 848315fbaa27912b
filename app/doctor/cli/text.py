"""The report as text: damage, planned repairs and next steps."""

from collections.abc import Iterator, Sequence

from app.doctor.compare import LogReport
from app.doctor.examine import MembershipConflict, Report
from app.doctor.repair import Undone
from app.doctor.rules.findings import Finding, LogFinding
from app.doctor.rules.memberships import Keep
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import show

JOURNAL = "team_repairs"


def report_lines(report: Report, database: str) -> Iterator[str]:
    """Findings with their first cases, and obstacles."""
    yield f"Examined {counted(report.examined, 'document')} in {database}.teams."
    if report.is_well:
        yield "No damage found: every user is on at most one team, and a server can start."
        return
    yield f"{report.broken:,} of them need{'s' * (report.broken == 1)} a repair:"
    for finding in Finding:
        if finding is Finding.USER_ON_SEVERAL_TEAMS:
            cases = [_conflict(each) for each in report.conflicts]
        else:
            cases = [_case(each, finding) for each in report.cases.get(finding, ())]
        yield from _listed(finding.heading, report.counts.get(finding, 0), cases)
    if report.counts.get(Finding.USER_ON_SEVERAL_TEAMS):
        yield ""
        yield f"The team on which each user stays is chosen by --keep {report.keep}."
    for obstacle in report.obstacles:
        yield ""
        yield f"Obstacle: {obstacle.what}. A repair {obstacle.becomes}."


def log_lines(report: LogReport, database: str) -> Iterator[str]:
    """Differences between change log and teams, with their first cases, and what is unknown."""
    yield f"Compared {counted(report.examined, 'document')} in {database}.teams with the log."
    if report.differing:
        yield f"{counted(report.differing, 'team')} differ{'s' * (report.differing == 1)}:"
    else:
        yield "No difference found: replaying the log gives the stored teams."
    for finding in LogFinding:
        cases = [f"{team_id}: {note}" for team_id, note in report.cases.get(finding, ())]
        yield from _listed(finding.heading, report.counts[finding], cases)


def _listed(title: str, count: int, cases: Sequence[str]) -> Iterator[str]:
    if count:
        yield from ("", f"{title}: {count:,}")
        yield from (f"    {case}" for case in cases)
        if (more := count - len(cases)) > 0:
            yield f"    ... and {more:,} more"


def next_steps(report: Report) -> Iterator[str]:
    """Instructions after a dry run."""
    if report.is_well:
        return
    yield ""
    yield "Nothing was changed. Next steps:"
    yield "  1. Stop every server and every other program that writes to the collection."
    yield "  2. Make a backup (mongodump)."
    if report.counts.get(Finding.USER_ON_SEVERAL_TEAMS):
        yield "  3. Run team-joiner doctor --repair --keep first-joined, with the same settings; or"
        yield "     --keep smallest-team. To choose each team yourself, write the users to a file"
        yield "     with --questions FILE, complete it, and repair with --keep ask-file FILE."
    else:
        yield "  3. Run team-joiner doctor --repair, with the same settings."


def repaired_lines(repaired: int, after: Report, database: str) -> Iterator[str]:
    """Result of a repair."""
    yield ""
    yield f"Repaired {counted(repaired, 'document')}."
    if after.is_well:
        yield f"Examined again: no damage in {counted(after.examined, 'document')}."
        yield "You can start the servers."
    else:
        yield (
            f"Examined again: {counted(after.broken, 'document')} still damaged. Another program "
            "writes to the collection: stop it, then run the repair again."
        )
    if repaired:
        yield f"The original documents are recorded in {database}.{JOURNAL}."
        yield "To restore them, run team-joiner doctor --undo, with the same settings."


def undone_lines(undone: Undone, database: str) -> Iterator[str]:
    """Result of an undo."""
    if not undone.entries:
        yield f"There is nothing to undo: {database}.{JOURNAL} has no document left to restore."
        return
    yield f"Restored {counted(undone.restored, 'document')}, byte for byte."
    yield "The unique index on userIds is dropped. The validator and other indexes are as repaired:"
    yield f"app/doctor/README.md shows how to create the earlier ones from {JOURNAL}."
    if undone.kept:
        shown = ", ".join(undone.kept_ids)
        yield f"Kept {counted(undone.kept, 'document')}, changed since the repair: {shown}"
        yield f"Their originals remain in {database}.{JOURNAL}."


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _conflict(conflict: MembershipConflict) -> str:
    places = ", ".join(f"{each.team_id} ({each.team_name!r})" for each in conflict.memberships[:4])
    if (more := len(conflict.memberships) - 4) > 0:
        places += f" and {more} more"
    stays = f"stays on {conflict.kept.team_id}" if conflict.kept else "no valid answer in the file"
    return f"user {conflict.user_id!r} is on {places}: {stays}"


def _case(plan: RepairPlan, finding: Finding) -> str:
    notes = ", ".join(plan.notes.get(finding, ()))
    if finding is Finding.TOO_LARGE:
        return f"{show(plan.team.id)}: {notes}"
    members = counted(len(plan.user_ids), "member")
    return f"{plan.id}: {notes} -> {plan.name!r}, version {plan.version}, {members}"


def keep_is_missing(report: Report) -> str | None:
    """Usage error if a repair needs `--keep`, else None."""
    if not report.counts.get(Finding.USER_ON_SEVERAL_TEAMS):
        return None
    choices = ", ".join(f"--keep {each}" for each in Keep)
    return f"Users are on several teams. Choose which team to keep: {choices} FILE."
