"""Options and runs of `team-joiner doctor`.

Exit status: 0 without findings, 1 with findings, 2 on failure.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from app.doctor.cli.as_json import log_json, report_json, undone_json
from app.doctor.cli.questions import UnusableAnswers, read_answers, write_questions
from app.doctor.cli.text import (
    counted,
    keep_is_missing,
    log_lines,
    next_steps,
    refused_lines,
    repaired_lines,
    report_lines,
    undone_lines,
)
from app.doctor.compare import compare_with_log
from app.doctor.examine import Report, examine
from app.doctor.membership_index import MembershipIndex
from app.doctor.ports import ProgressBar, RepairableTeams, StoredTeams
from app.doctor.repair import reason_to_refuse, repair, undo
from app.doctor.rules.memberships import Keep
from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable, RepairStopped

WELL, BROKEN, FAILED = 0, 1, 2

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class DatabaseAccess(Protocol):
    """Access to the database while the returned context is open."""

    def reading(self) -> AbstractAsyncContextManager[StoredTeams]:
        """The collection, read-only."""

    def repairing(self) -> AbstractAsyncContextManager[RepairableTeams]:
        """The collection, writable; excludes servers and other doctors."""


class DoctorFailed(click.ClickException):
    """A failure message for the operator, with exit status 2."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """The parsed options. *Raises*: `click.UsageError` if they contradict each other."""

    repair: bool
    undo: bool
    log: bool
    keep: Keep | None
    file: Path | None
    questions: Path | None
    as_json: bool

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "DoctorRequest":
        """Build the request from parsed options, removing its own from the mapping."""
        given = {name: options.pop(name) for name in cls.__dataclass_fields__}
        return cls(**given | {"keep": Keep(given["keep"]) if given["keep"] else None})

    def __post_init__(self) -> None:
        if sum((self.repair, self.undo, self.log, self.questions is not None)) > 1:
            raise click.UsageError("Choose one of --repair, --undo, --log and --questions.")
        if (self.keep is Keep.ASK_FILE) != (self.file is not None):
            raise click.UsageError(
                "--keep ask-file requires a FILE with answers, and FILE requires --keep ask-file."
            )


def doctor_options(command: FunctionT) -> FunctionT:
    """Decorator: add the options of a `DoctorRequest`."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        (
            click.option(
                "--repair", is_flag=True, help="Repair the damage. Stop every server first."
            ),
            click.option(
                "--undo", is_flag=True, help="Restore the documents that repairs changed."
            ),
            click.option(
                "--log",
                is_flag=True,
                help="Compare the change log with the teams. Servers may be running.",
            ),
            click.option(
                "--keep",
                type=click.Choice([each.value for each in Keep]),
                help="Choose the team to keep for each user on several teams. first-joined: the "
                "oldest team, since the old data does not record when a user joined (ties: by the "
                "user's position in it). smallest-team: the team with the fewest members. "
                "ask-file FILE: the team given in the file.",
            ),
            click.argument("file", required=False, type=path),
            click.option(
                "--questions",
                metavar="FILE",
                type=path,
                help="Write the users on several teams to a CSV file, to be completed for "
                "--keep ask-file.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        )
    ):
        command = option(command)
    return command


def run(
    request: DoctorRequest, access: DatabaseAccess, *, database: str, default_capacity: int
) -> int:
    """Run the request and print its report; returns the exit status. *Raises*: `DoctorFailed`."""
    try:
        return asyncio.run(_run(request, access, database, default_capacity))
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


async def _run(
    request: DoctorRequest, access: DatabaseAccess, database: str, default_capacity: int
) -> int:
    if request.undo:
        return await _undo(request, access, database)
    if request.repair:
        return await _repair(request, access, database, default_capacity)
    if request.log:
        return await _compare(request, access, database)
    async with access.reading() as teams:
        with closing(MembershipIndex()) as index:
            report = await _examine(request, teams, index, default_capacity)
            if request.questions is not None:
                count = write_questions(request.questions, index)
                click.echo(f"Wrote {counted(count, 'user')} to {request.questions}.", err=True)
    _print(
        request, report_json(report, database), report_lines(report, database), next_steps(report)
    )
    return WELL if report.is_well else BROKEN


async def _repair(
    request: DoctorRequest, access: DatabaseAccess, database: str, default_capacity: int
) -> int:
    async with access.repairing() as teams:
        with closing(MembershipIndex()) as index:
            report = await _examine(request, teams, index, default_capacity)
            if request.keep is None and (missing := keep_is_missing(report)):
                raise click.UsageError(missing)
            found, lines = report_json(report, database), report_lines(report, database)
            if reason := reason_to_refuse(report):
                _print(request, {**found, "refused": reason}, lines, refused_lines(reason))
                return BROKEN
            repaired = await repair(
                teams, index, report, default_capacity=default_capacity, progress=progress
            )
        with closing(MembershipIndex()) as index:
            after = await _examine(request, teams, index, default_capacity)
    found |= {"repaired": repaired, "after": report_json(after, database)}
    _print(request, found, lines, repaired_lines(repaired, after, database))
    return WELL if after.is_well else BROKEN


async def _undo(request: DoctorRequest, access: DatabaseAccess, database: str) -> int:
    async with access.repairing() as teams:
        undone = await undo(teams, progress=progress)
    _print(request, undone_json(undone, database), undone_lines(undone, database))
    return BROKEN if undone.kept else WELL


async def _compare(request: DoctorRequest, access: DatabaseAccess, database: str) -> int:
    async with access.reading() as teams:
        report = await compare_with_log(teams, progress=progress)
    _print(request, log_json(report, database), log_lines(report, database))
    return BROKEN if report.differing else WELL


async def _examine(
    request: DoctorRequest, teams: StoredTeams, index: MembershipIndex, default_capacity: int
) -> Report:
    if request.file is not None:
        for user_id, team_id in read_answers(request.file):
            index.answer(user_id, team_id)
    keep = request.keep or Keep.FIRST_JOINED
    return await examine(
        teams, index, keep=keep, default_capacity=default_capacity, progress=progress
    )


def progress(step: str, total: int) -> AbstractContextManager[ProgressBar]:
    """A progress bar on standard error; without a terminal, a line with the step's name."""
    return click.progressbar(
        length=max(total, 1), label=f"{step:<20}", file=sys.stderr, show_pos=total > 1
    )


def _print(request: DoctorRequest, found: dict[str, Any], *texts: Iterable[str]) -> None:
    click.echo(json.dumps(found, indent=2) if request.as_json else "\n".join(chain(*texts)))
