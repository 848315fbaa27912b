"""Runs of `team-joiner doctor`."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import closing
from itertools import chain
from typing import Any

import click

from app.doctor.cli.as_json import log_json, report_json, undone_json
from app.doctor.cli.options import BROKEN, WELL, DoctorFailed, DoctorRequest
from app.doctor.cli.questions import UnusableAnswers, read_answers, write_questions
from app.doctor.cli.text import (
    counted,
    keep_is_missing,
    log_lines,
    next_steps,
    repaired_lines,
    report_lines,
    undone_lines,
)
from app.doctor.compare import compare_with_log
from app.doctor.examine import Examination
from app.doctor.membership_index import MembershipIndex
from app.doctor.repair import reason_to_refuse, repair, undo
from app.doctor.rules.memberships import Keep
from app.doctor.storage.database import DatabaseAccess
from app.doctor.storage.teams import StoredTeams
from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable, RepairStopped


def run(request: DoctorRequest, access: DatabaseAccess, *, default_capacity: int) -> int:
    """Run the request and print its report; returns the exit status. *Raises*: `DoctorFailed`."""
    try:
        return asyncio.run(_Run(request, access, default_capacity).run())
    except DatabaseUnavailable as fault:
        raise DoctorFailed(
            f"The database can't be reached, or did not respond in time: {fault} "
            "Run the command again: it continues an interrupted repair or undo."
        ) from fault
    except DatabaseUnsuitable as fault:
        raise DoctorFailed(fault.in_full) from fault
    except (RepairStopped, UnusableAnswers) as fault:
        raise DoctorFailed(str(fault)) from fault
    except KeyboardInterrupt:
        raise DoctorFailed("Interrupted. Run the command again to continue.") from None


class _Run:
    def __init__(
        self, request: DoctorRequest, access: DatabaseAccess, default_capacity: int
    ) -> None:
        self._request = request
        self._access = access
        self._database = access.database
        self._default_capacity = default_capacity

    async def run(self) -> int:
        if self._request.undo:
            return await self._undo()
        if self._request.repair:
            return await self._repair()
        async with self._access.reading() as teams:
            if self._request.log:
                return await self._compare(teams)
            return await self._report(teams)

    async def _report(self, teams: StoredTeams) -> int:
        with closing(MembershipIndex()) as index:
            report = await self._examination(teams, index).examine()
            if (path := self._request.questions) is not None:
                count = write_questions(path, index)
                click.echo(f"Wrote {counted(count, 'user')} to {path}.", err=True)
        lines = report_lines(report, self._database)
        self._print(report_json(report, self._database), lines, next_steps(report))
        return WELL if report.is_well else BROKEN

    async def _compare(self, teams: StoredTeams) -> int:
        report = await compare_with_log(teams)
        self._print(log_json(report, self._database), log_lines(report, self._database))
        return BROKEN if report.differing else WELL

    async def _repair(self) -> int:
        database = self._database
        async with self._access.repairing() as teams:
            with closing(MembershipIndex()) as index:
                examination = self._examination(teams, index)
                report = await examination.examine()
                if self._request.keep is None and (missing := keep_is_missing(report)):
                    raise click.UsageError(missing)
                found, lines = report_json(report, database), report_lines(report, database)
                if reason := reason_to_refuse(report):
                    self._print(
                        {**found, "refused": reason}, lines, ["", f"Nothing was changed. {reason}"]
                    )
                    return BROKEN
                repaired = await repair(teams, examination, report)
            with closing(MembershipIndex()) as index:
                after = await self._examination(teams, index).examine()
        found |= {"repaired": repaired, "after": report_json(after, database)}
        self._print(found, lines, repaired_lines(repaired, after, database))
        return WELL if after.is_well else BROKEN

    async def _undo(self) -> int:
        async with self._access.repairing() as teams:
            undone = await undo(teams)
        self._print(undone_json(undone, self._database), undone_lines(undone, self._database))
        return BROKEN if undone.kept else WELL

    def _examination(self, teams: StoredTeams, index: MembershipIndex) -> Examination:
        if self._request.file is not None:
            for user_id, team_id in read_answers(self._request.file):
                index.answer(user_id, team_id)
        keep = self._request.keep or Keep.FIRST_JOINED
        return Examination(teams, index, keep, self._default_capacity)

    def _print(self, found: dict[str, Any], *texts: Iterable[str]) -> None:
        as_json = self._request.as_json
        click.echo(json.dumps(found, indent=2) if as_json else "\n".join(chain(*texts)))
