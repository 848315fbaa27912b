"""One fault under load, and the checker's verdict."""

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from tests.lab.checker.history import FinalState, Operation, Unknown
from tests.lab.faults.faults import Fault
from tests.lab.faults.lab import DATABASE, Lab
from tests.lab.load import Load

# The service has to answer again by itself so soon after a new primary.
BACK_SECONDS = 15
CHANGES_BEFORE = 20
CHANGES_AFTER = 40


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a trial; `operations` are those sent between the fault and its repair.

    `unavailable_seconds` is the longest that a server answered no mutation, `back_seconds` how long
    after service was owed the last server answered one; None if it did not come back in time.
    """

    fault: str
    seconds: float
    operations: int
    unknown: int
    unavailable_seconds: float
    back_seconds: float | None
    longest_seconds: float
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    report: Report
    operations: list[Operation]
    final: FinalState


async def run_trial(lab: Lab, fault: Fault, *, prefix: str, seed: int) -> Trial:
    """Injects one fault. `prefix` is unique to the trial, and marks its teams."""
    began_at = monotonic()
    seconds = lab.request_seconds
    async with Load(
        lab.mongodb, DATABASE, lab.servers, request_seconds=seconds, prefix=prefix, seed=seed
    ) as load:
        await load.after_more_changes(CHANGES_BEFORE)
        struck_at = monotonic()
        back: float | None = None
        async with fault.strike(lab) as owed_at:
            with suppress(TimeoutError):
                back = await load.back_since(owed_at, timeout_seconds=BACK_SECONDS)
        mended_at = monotonic()
        with suppress(TimeoutError):  # what did not come back is told as that
            await load.after_more_changes(CHANGES_AFTER)
        violations = await load.judge()
    operations = load.history.operations
    if back is None:
        violations.append(
            f"not back: Not every server answered {BACK_SECONDS} seconds after {fault.name}."
        )
    report = Report(
        fault=fault.name,
        seconds=monotonic() - began_at,
        operations=sum(struck_at <= operation.started_at <= mended_at for operation in operations),
        unknown=sum(isinstance(operation.outcome, Unknown) for operation in operations),
        unavailable_seconds=load.longest_silence(),
        back_seconds=back,
        longest_seconds=max(operation.ended_at - operation.started_at for operation in operations),
        violations=tuple(violations),
    )
    return Trial(report, operations, load.final)
