"""The options of `team-joiner doctor`, and what a run of it does.

Exit status: 0 when all is well, 1 when something is broken, 2 when it could not do its work.
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
from app.doctor.cli.progress import Bar
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
from app.doctor.ports import ClassicTeams, Journal, Ledger, RepairableTeams
from app.doctor.repair import reason_to_refuse, repair, undo
from app.doctor.rules.memberships import Keep
from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable, RepairStopped

WELL, BROKEN, FAILED = 0, 1, 2

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class Facilities(Protocol):
    """What the doctor works with, each for as long as its context."""

    def ledger(self) -> AbstractContextManager[Ledger]:
        """A new ledger."""

    def looking(self) -> AbstractAsyncContextManager[ClassicTeams]:
        """The collection, to look at."""

    def repairing(self) -> AbstractAsyncContextManager[RepairableTeams]:
        """The collection, to repair; nobody else of us is there."""

    def undoing(self) -> AbstractAsyncContextManager[Journal]:
        """The journal, to undo; nobody else of us is there."""


class CouldNotWork(click.ClickException):
    """A sentence for the operator, with the exit status that says so."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class Order:
    """What the operator asked for. *Raises*: `click.UsageError` for what makes no sense."""

    repair: bool
    undo: bool
    keep: Keep | None
    file: Path | None
    questions: Path | None
    as_json: bool

    @classmethod
    def take(cls, options: dict[str, Any]) -> "Order":
        """The order in the options of `doctor_options`, which are taken out of the others."""
        given = {name: options.pop(name) for name in cls.__dataclass_fields__}
        return cls(**given | {"keep": Keep(given["keep"]) if given["keep"] else None})

    def __post_init__(self) -> None:
        if sum((self.repair, self.undo, self.questions is not None)) > 1:
            raise click.UsageError("Choose one of --repair, --undo and --questions.")
        if (self.keep is Keep.ASK_FILE) != (self.file is not None):
            raise click.UsageError("--keep ask-file and a FILE with the answers go together.")


def doctor_options(command: FunctionT) -> FunctionT:
    """The options that make an `Order`."""
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


def run(order: Order, facilities: Facilities, *, database: str, default_capacity: int) -> int:
    """Does it and prints the report; the exit status. *Raises*: `CouldNotWork`."""
    try:
        return asyncio.run(_run(order, facilities, database, default_capacity))
    except DatabaseUnavailable as fault:
        raise CouldNotWork(
            f"The database can't be reached, or did not answer in time: {fault} "
            "Whatever was under way goes on where it was when you run this again."
        ) from fault
    except DatabaseUnsuitable as fault:
        raise CouldNotWork(fault.in_full) from fault
    except (RepairStopped, UnusableAnswers) as fault:
        raise CouldNotWork(str(fault)) from fault
    except KeyboardInterrupt:
        raise CouldNotWork("Stopped. Run it again: it goes on where it was.") from None


async def _run(order: Order, facilities: Facilities, database: str, default_capacity: int) -> int:
    if order.undo:
        return await _undo(order, facilities, database)
    if order.repair:
        return await _repair(order, facilities, database, default_capacity)
    async with facilities.looking() as teams:
        with facilities.ledger() as ledger, Bar() as bar:
            _enter_answers(order, ledger)
            report = await _examine(order, teams, ledger, default_capacity, bar)
            if order.questions is not None:
                count = write_questions(order.questions, ledger)
                click.echo(f"Wrote {counted(count, 'user')} to {order.questions}.", err=True)
    _print(order, report_json(report, database), report_lines(report, database), next_steps(report))
    return WELL if report.is_well else BROKEN


async def _repair(
    order: Order, facilities: Facilities, database: str, default_capacity: int
) -> int:
    async with facilities.repairing() as teams:
        with facilities.ledger() as ledger, Bar() as bar:
            _enter_answers(order, ledger)
            report = await _examine(order, teams, ledger, default_capacity, bar)
            if order.keep is None and (missing := keep_is_missing(report)):
                raise click.UsageError(missing)
            found, lines = report_json(report, database), report_lines(report, database)
            if reason := reason_to_refuse(report):
                _print(order, {**found, "refused": reason}, lines, refused_lines(reason))
                return BROKEN
            repaired = await repair(
                teams, ledger, report, default_capacity=default_capacity, progress=bar
            )
        with facilities.ledger() as ledger, Bar() as bar:
            _enter_answers(order, ledger)
            after = await _examine(order, teams, ledger, default_capacity, bar)
    found |= {"repaired": repaired, "after": report_json(after, database)}
    _print(order, found, lines, repaired_lines(repaired, after, database))
    return WELL if after.is_well else BROKEN


async def _undo(order: Order, facilities: Facilities, database: str) -> int:
    async with facilities.undoing() as journal:
        with Bar() as bar:
            undone = await undo(journal, progress=bar)
    _print(order, undone_json(undone, database), undone_lines(undone, database))
    return BROKEN if undone.kept else WELL


async def _examine(
    order: Order, teams: ClassicTeams, ledger: Ledger, default_capacity: int, bar: Bar
) -> Report:
    keep = order.keep or Keep.FIRST_JOINED
    return await examine(teams, ledger, keep=keep, default_capacity=default_capacity, progress=bar)


def _enter_answers(order: Order, ledger: Ledger) -> None:
    if order.file is not None:
        for user_id, team_id in read_answers(order.file):
            ledger.answer(user_id, team_id)


def _print(order: Order, found: dict[str, Any], *texts: Iterable[str]) -> None:
    if order.as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for lines in texts:
        for line in lines:
            click.echo(line)
