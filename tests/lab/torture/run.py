"""Injects one fault after another into three servers on three nodes, until the time is up."""

import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from time import monotonic

import click
import orjson
from rich.console import Console

from tests.lab.checker.files import save
from tests.lab.faults.faults import BY_NAME, FAULTS, Fault
from tests.lab.faults.lab import OUR_CODE, running_lab
from tests.lab.options import CONTEXT
from tests.lab.sabotage import BY_NAME as SABOTAGES
from tests.lab.sabotage import Sabotage
from tests.lab.torture.report import build_table, totals
from tests.lab.torture.trial import Report, Trial, run_trial

# The exit statuses beside 0: the service broke a promise; the command was interrupted.
BROKEN = 1
INTERRUPTED = 130

SHOWN_VIOLATIONS = 10


def _listed(title: str, things: Iterable[Fault | Sabotage]) -> str:
    """The names of faults or sabotages, for the help; `\\b` keeps click from wrapping the lines."""
    lines = [f"  {thing.name:20} {thing.sentence}" for thing in things]
    return "\n".join(("\b", title, *lines))


@click.command(
    context_settings=CONTEXT,
    epilog="\n\n".join(
        (_listed("Faults:", BY_NAME.values()), _listed("To break:", SABOTAGES.values()))
    ),
)
@click.option("--minutes", default=5.0, help="Inject no fault after this time.")
@click.option("--seed", type=int, help="The seed of the order of faults and of the requests.")
@click.option(
    "--fault",
    "names",
    metavar="NAME",
    multiple=True,
    type=click.Choice(list(BY_NAME)),
    help="Only this one; can be given several times. By default all but calm.",
)
@click.option(
    "--break",
    "broken",
    metavar="NAME",
    type=click.Choice(list(SABOTAGES)),
    help="Remove a guarantee from a copy of the service; the run must detect it.",
)
@click.option("--request-timeout-seconds", default=5.0, help="The servers' setting.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON; progress to stderr.")
def main(
    minutes: float,
    seed: int | None,
    names: Sequence[str],
    broken: str | None,
    request_timeout_seconds: float,
    *,
    as_json: bool,
) -> None:
    """Injects faults while clients use three servers on a replica set of three nodes, and checks
    after each the answers to the clients and the data.

    Stops at the first violation with exit status 1, and keeps the history that shows it.
    """
    seed = random.randrange(2**32) if seed is None else seed
    sabotage = SABOTAGES[broken] if broken else None
    faults = [BY_NAME[name] for name in names] or ([sabotage.fault] if sabotage else list(FAULTS))
    console = Console(stderr=as_json)
    torture = Torture(console, faults, seed, sabotage, request_timeout_seconds)
    try:
        status = asyncio.run(torture.run(seconds=minutes * 60))
    except asyncio.CancelledError:
        status = INTERRUPTED
    torture.conclude(as_json=as_json)
    sys.exit(status)


class Torture:
    """A series of trials, and their results."""

    def __init__(
        self,
        console: Console,
        faults: Sequence[Fault],
        seed: int,
        sabotage: Sabotage | None,
        request_seconds: float,
    ) -> None:
        self._console = console
        self._faults = faults
        self._seed = seed
        self._sabotage = sabotage
        self._request_seconds = request_seconds
        self._reports: list[Report] = []
        self._kept: Path | None = None

    async def run(self, *, seconds: float) -> int:
        """The exit status. On SIGINT or SIGTERM, all processes are ended first."""
        task = asyncio.current_task()
        assert task is not None
        for interruption in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(interruption, task.cancel)
        with tempfile.TemporaryDirectory(prefix="torture-") as name:
            folder = Path(name)
            if self._sabotage is not None:
                self._sabotage.carry_out(folder)
                self._console.print(f"Broken on purpose: {self._sabotage.sentence}.")
            async with running_lab(
                folder / "nodes",
                request_seconds=self._request_seconds,
                seed=self._seed,
                code=folder if self._sabotage else OUR_CODE,
            ) as lab:
                end = monotonic() + seconds
                for number, fault in enumerate(self._order()):
                    if monotonic() > end:
                        return 0
                    self._console.print(f"{number + 1:4} {fault.name:20}", end="")
                    trial = await run_trial(
                        lab, fault, prefix=f"trial-{number}-", seed=self._seed + number
                    )
                    self._note(trial)
                    if trial.report.violations:
                        self._keep(trial, [bytes(server.log) for server in lab.servers])
                        return BROKEN
        return 0

    def _order(self) -> Iterator[Fault]:
        """All faults, again and again, each time in another order."""
        chance = random.Random(self._seed)
        for _ in count():
            yield from chance.sample(self._faults, len(self._faults))

    def _note(self, trial: Trial) -> None:
        report = trial.report
        self._reports.append(report)
        back = "never" if report.back_seconds is None else f"{report.back_seconds:.1f} s"
        self._console.print(
            f"{report.seconds:5.1f} s, {report.operations:5} operations, "
            f"{report.unknown:3} unknown, back after {back}, "
            f"{len(report.violations)} violations"
        )

    def _keep(self, trial: Trial, logs: Sequence[bytes]) -> None:
        """Saves the history of a violation."""
        self._kept = Path(tempfile.mkdtemp(prefix="torture-history-"))
        save(self._kept / "history.jsonl", trial.operations, trial.final)
        violations = "\n".join(trial.report.violations) + "\n"
        (self._kept / "violations.txt").write_text(violations, encoding="utf-8")
        for number, log in enumerate(logs, 1):
            (self._kept / f"server-{number}.log").write_bytes(log)

    def conclude(self, *, as_json: bool) -> None:
        """Prints the table, the violations, and where the history lies."""
        found = [violation for report in self._reports for violation in report.violations]
        if self._reports:
            self._console.print(build_table(totals(self._reports)))
        for violation in found[:SHOWN_VIOLATIONS]:
            self._console.print(violation, style="red", markup=False, highlight=False)
        if more := found[SHOWN_VIOLATIONS:]:
            self._console.print(f"... and {len(more)} more.")
        if found and self._sabotage:
            seconds = sum(report.seconds for report in self._reports)
            self._console.print(f"Found out after {seconds:.0f} seconds.")
        self._console.print(f"Seed {self._seed}.")
        if self._kept:
            self._console.print(f"The history lies in {self._kept}.", soft_wrap=True)
        if as_json:
            result = {
                "seed": self._seed,
                "broken": self._sabotage.name if self._sabotage else None,
                "faults": [asdict(total) for total in totals(self._reports)],
                "trials": [asdict(report) for report in self._reports],
                "history": str(self._kept) if self._kept else None,
            }
            sys.stdout.write(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main(prog_name="scripts/torture")
