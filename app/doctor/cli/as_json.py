"""The report as JSON, for programs: counts, the first cases, and what each becomes."""

from typing import Any

from app.doctor.examine import Contest, Report
from app.doctor.repairs import Treatment, Undone
from app.doctor.rules.repair_plan import Finding
from app.doctor.rules.stored_team import show


def report_json(report: Report, database: str) -> dict[str, Any]:
    """The report; `wellAfter` and `repaired` are added by a repair."""
    return {
        "database": database,
        "well": report.is_well,
        "examined": report.examined,
        "broken": report.broken,
        "keep": report.keep.value,
        "unsettled": report.unsettled,
        "findings": [
            {
                "finding": finding.value,
                "count": report.counts[finding],
                "cases": [_case(each) for each in report.cases.get(finding, ())],
            }
            for finding in Finding
            if report.counts.get(finding)
        ],
        "usersOnSeveralTeams": [_contest(each) for each in report.contests],
        "obstacles": [{"what": each.what, "becomes": each.becomes} for each in report.obstacles],
    }


def undone_json(undone: Undone, database: str) -> dict[str, Any]:
    """What an undo has done."""
    return {
        "database": database,
        "entries": undone.entries,
        "restored": undone.restored,
        "kept": undone.kept,
        "keptIds": list(undone.kept_ids),
    }


def _case(treatment: Treatment) -> dict[str, Any]:
    cure = treatment.cure
    notes = {finding.value: list(lines) for finding, lines in cure.notes.items()}
    case: dict[str, Any] = {"team": show(treatment.team.id), "notes": notes}
    if Finding.TOO_LARGE not in cure.findings:
        case["becomes"] = {
            "id": cure.id,
            "name": cure.name,
            "version": cure.version,
            "capacity": cure.capacity,
            "memberCount": len(cure.user_ids),
            "createdAt": cure.created_at.isoformat() if cure.created_at else None,
        }
    return case


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "user": contest.user_id,
        "teams": [each.team_id for each in contest.memberships],
        "stays": contest.kept.team_id if contest.kept else None,
    }
