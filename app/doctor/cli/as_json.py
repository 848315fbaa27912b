"""The report as JSON: counts, and the first cases with their repairs."""

from typing import Any

from app.doctor.compare import LogReport
from app.doctor.examine import MembershipConflict, Report
from app.doctor.repair import Undone
from app.doctor.rules.findings import REASONS, Finding, LogFinding
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import show


def report_json(report: Report, database: str) -> dict[str, Any]:
    """The report; `wellAfter` and `repaired` are added by a repair."""
    return {
        "database": database,
        "well": report.is_well,
        "examined": report.examined,
        "broken": report.broken,
        "keep": report.keep.value,
        "unsettled": report.unresolved,
        "findings": [
            {
                "finding": finding.value,
                "count": report.counts[finding],
                "cases": [_case(each) for each in report.cases.get(finding, ())],
            }
            for finding in Finding
            if report.counts.get(finding)
        ],
        "usersOnSeveralTeams": [_conflict(each) for each in report.conflicts],
        "obstacles": [{"what": each.what, "becomes": each.becomes} for each in report.obstacles],
    }


def undone_json(undone: Undone, database: str) -> dict[str, Any]:
    """The result of an undo."""
    return {
        "database": database,
        "entries": undone.entries,
        "restored": undone.restored,
        "kept": undone.kept,
        "keptIds": undone.kept_ids,
    }


def log_json(report: LogReport, database: str) -> dict[str, Any]:
    """The result of a comparison of the change log with the teams."""
    return {
        "database": database,
        "well": not report.differing,
        "examined": report.examined,
        "differing": report.differing,
        "findings": [
            {
                "finding": finding.value,
                "isDifference": finding not in REASONS,
                "count": report.counts[finding],
                "cases": [{"team": id_, "note": note} for id_, note in report.cases[finding]],
            }
            for finding in LogFinding
            if report.counts[finding]
        ],
    }


def _case(plan: RepairPlan) -> dict[str, Any]:
    notes = {finding.value: list(lines) for finding, lines in plan.notes.items()}
    case: dict[str, Any] = {"team": show(plan.team.id), "notes": notes}
    if Finding.TOO_LARGE not in plan.notes:
        case["becomes"] = {
            "id": plan.id,
            "name": plan.name,
            "version": plan.version,
            "capacity": plan.capacity,
            "memberCount": len(plan.user_ids),
            "createdAt": plan.created_at.isoformat() if plan.created_at else None,
        }
    return case


def _conflict(conflict: MembershipConflict) -> dict[str, Any]:
    return {
        "user": conflict.user_id,
        "teams": [each.team_id for each in conflict.memberships],
        "stays": conflict.kept.team_id if conflict.kept else None,
    }
