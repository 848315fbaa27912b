"""Options and runs of `team-joiner doctor`.

Exit status: 0 without findings, 1 with findings, 2 on failure.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from app.doctor.cli.as_json import report_json, undone_json
from app.doctor.cli.progress import TerminalProgress
from app.doctor.cli.questions import UnusableAnswers, read_answers, write_questions
from app.doctor.cli.text import (
    counted,
    keep_is_missing,
    next_steps,
    refused_lines,
    repaired_lines,
    report_lines,
    undone_lines,
)
from app.doctor.examine import Report, examine
from app.doctor.ports import MembershipIndex, RepairableTeams, StoredTeams, UndoableRepairs
from app.doctor.repair import reason_to_refuse, repair, undo
from app.doctor.rules.memberships import Keep
from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable, RepairStopped

WELL, BROKEN, FAILED = 0, 1, 2

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class DatabaseAccess(Protocol):
    """Access to the database; each context manager holds its resources while it is open."""

    def membership_index(self) -> AbstractContextManager[MembershipIndex]:
        """An empty index."""

    def reading(self) -> AbstractAsyncContextManager[StoredTeams]:
        """The collection, read-only."""

    def repairing(self) -> AbstractAsyncContextManager[RepairableTeams]:
        """The collection, for a repair; excludes servers and other doctors."""

    def undoing(self) -> AbstractAsyncContextManager[UndoableRepairs]:
        """The recorded repairs, for an undo; excludes servers and other doctors."""


class DoctorFailed(click.ClickException):
    """A failure message for the operator, with exit status 2."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """The parsed options. *Raises*: `click.UsageError` if they contradict each other."""

    repair: bool
    undo: bool
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
        if sum((self.repair, self.undo, self.questions is not None)) > 1:
            raise click.UsageError("Choose one of --repair, --undo and --questions.")
        if (self.keep is Keep.ASK_FILE) != (self.file is not None):
            raise click.UsageError("--keep ask-file and a FILE with the answers go together.")


def doctor_options(command: FunctionT) -> FunctionT:
    """Decorator: add the options of a `DoctorRequest`."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        (
            click.option(
                "--repair", is_flag=True, help="Repair what is broken. Stop every server before."
            ),
            click.option("--undo", is_flag=True, help="Take back what repairs have changed."),
            click.option(
                "--keep",
                type=click.Choice([each.value for each in Keep]),
                help="Choose where users stay who are on several teams. first-joined takes the "
                "oldest team, since the old data does not say when somebody joined (ties are "
                "settled by the user's place in it); smallest-team takes the one with the fewest "
                "members; ask-file FILE takes the team that the file names for each user.",
            ),
            click.argument("file", required=False, type=path),
            click.option(
                "--questions",
                metavar="FILE",
                type=path,
                help="Write the users who are on several teams to a CSV file, to be filled in for "
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
            f"The database can't be reached, or did not answer in time: {fault} "
            "Whatever was under way goes on where it was when you run this again."
        ) from fault
    except DatabaseUnsuitable as fault:
        raise DoctorFailed(fault.in_full) from fault
    except (RepairStopped, UnusableAnswers) as fault:
        raise DoctorFailed(str(fault)) from fault
    except KeyboardInterrupt:
        raise DoctorFailed("Stopped. Run it again: it goes on where it was.") from None


async def _run(
    request: DoctorRequest, access: DatabaseAccess, database: str, default_capacity: int
) -> int:
    if request.undo:
        return await _undo(request, access, database)
    if request.repair:
        return await _repair(request, access, database, default_capacity)
    async with access.reading() as teams:
        with access.membership_index() as index, TerminalProgress() as bar:
            _enter_answers(request, index)
            report = await _examine(request, teams, index, default_capacity, bar)
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
        with access.membership_index() as index, TerminalProgress() as bar:
            _enter_answers(request, index)
            report = await _examine(request, teams, index, default_capacity, bar)
            if request.keep is None and (missing := keep_is_missing(report)):
                raise click.UsageError(missing)
            found, lines = report_json(report, database), report_lines(report, database)
            if reason := reason_to_refuse(report):
                _print(request, {**found, "refused": reason}, lines, refused_lines(reason))
                return BROKEN
            repaired = await repair(
                teams, index, report, default_capacity=default_capacity, progress=bar
            )
        with access.membership_index() as index, TerminalProgress() as bar:
            _enter_answers(request, index)
            after = await _examine(request, teams, index, default_capacity, bar)
    found |= {"repaired": repaired, "after": report_json(after, database)}
    _print(request, found, lines, repaired_lines(repaired, after, database))
    return WELL if after.is_well else BROKEN


async def _undo(request: DoctorRequest, access: DatabaseAccess, database: str) -> int:
    async with access.undoing() as repairs:
        with TerminalProgress() as bar:
            undone = await undo(repairs, progress=bar)
    _print(request, undone_json(undone, database), undone_lines(undone, database))
    return BROKEN if undone.kept else WELL


async def _examine(
    request: DoctorRequest,
    teams: StoredTeams,
    index: MembershipIndex,
    default_capacity: int,
    bar: TerminalProgress,
) -> Report:
    keep = request.keep or Keep.FIRST_JOINED
    return await examine(teams, index, keep=keep, default_capacity=default_capacity, progress=bar)


def _enter_answers(request: DoctorRequest, index: MembershipIndex) -> None:
    if request.file is not None:
        for user_id, team_id in read_answers(request.file):
            index.answer(user_id, team_id)


def _print(request: DoctorRequest, found: dict[str, Any], *texts: Iterable[str]) -> None:
    if request.as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for lines in texts:
        for line in lines:
            click.echo(line)
