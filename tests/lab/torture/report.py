"""The results of a series of trials by fault, as a table and as data."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.lab.faults.faults import BY_NAME
from tests.lab.torture.trial import Report


@dataclass(frozen=True, slots=True)
class Total:
    """The totals of all trials of one fault; of times, the maximum.

    `back_seconds` is None if the service was not back in time once.
    """

    fault: str
    times: int
    operations: int
    unknown: int
    unavailable_seconds: float
    back_seconds: float | None
    longest_seconds: float
    violations: int


def totals(reports: Sequence[Report]) -> list[Total]:
    """The totals of each injected fault, in the order of `BY_NAME`."""
    by_fault: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_fault[report.fault].append(report)
    return [_total(name, by_fault[name]) for name in BY_NAME if name in by_fault]


def _total(fault: str, reports: Sequence[Report]) -> Total:
    backs = [report.back_seconds for report in reports if report.back_seconds is not None]
    return Total(
        fault=fault,
        times=len(reports),
        operations=sum(report.operations for report in reports),
        unknown=sum(report.unknown for report in reports),
        unavailable_seconds=max(report.unavailable_seconds for report in reports),
        back_seconds=max(backs) if len(backs) == len(reports) else None,
        longest_seconds=max(report.longest_seconds for report in reports),
        violations=sum(len(report.violations) for report in reports),
    )


def build_table(found: Sequence[Total]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("fault")
    for name in (
        "times",
        "operations\nduring it",
        "unknown\noutcomes",
        "down for\nat most",
        "back\nafter",
        "longest\nrequest",
        "violations",
    ):
        table.add_column(name, justify="right")
    for total in found:
        back = "[bold red]never[/]" if total.back_seconds is None else f"{total.back_seconds:.1f} s"
        style = "bold red" if total.violations else "bold green"
        table.add_row(
            total.fault,
            str(total.times),
            f"{total.operations:,}",
            f"{total.unknown:,}",
            f"{total.unavailable_seconds:.1f} s",
            back,
            f"{total.longest_seconds:.1f} s",
            f"[{style}]{total.violations}[/]",
        )
    return table
