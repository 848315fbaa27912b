"""One fault, struck while clients work, and what the checker makes of it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from tests.lab.checker.check import check
from tests.lab.checker.history import FinalState, NotDone, Operation, Unknown
from tests.lab.checker.violations import describe
from tests.lab.faults.faults import Fault
from tests.lab.faults.lab import DATABASE, Lab
from tests.lab.final_state import settled_state
from tests.lab.load import ALLOWANCE_SECONDS, Load

# The service has to answer again by itself so soon after a new primary.
BACK_SECONDS = 15
CHANGES_BEFORE = 20
CHANGES_AFTER = 40


@dataclass(frozen=True, slots=True)
class Report:
    """What a trial came to; `operations` are those sent between the fault and its mending.

    `unavailable_seconds` is the longest that a server answered no mutation, `back_seconds` how long
    after service was owed the last server answered one; None if it did not come back in time.
    """

    fault: str
    seconds: float
    operations: int
    unknown: int
    not_done: int
    unavailable_seconds: float
    back_seconds: float | None
    longest_seconds: float
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that is over, with all that it was judged by."""

    report: Report
    operations: list[Operation]
    final: FinalState


async def run_trial(lab: Lab, fault: Fault, *, prefix: str, seed: int) -> Trial:
    """Strikes the lab once. `prefix` is of this trial alone: its teams are told by it."""
    began_at = monotonic()
    async with Load(lab, prefix, seed) as load:
        await load.after_more_changes(CHANGES_BEFORE)
        struck_at = monotonic()
        back: float | None = None
        async with fault.strike(lab) as owed_at:
            with suppress(TimeoutError):
                back = await load.back_since(owed_at, timeout_seconds=BACK_SECONDS)
        mended_at = monotonic()
        with suppress(TimeoutError):  # what did not come back is told as that
            await load.after_more_changes(CHANGES_AFTER)
        await load.stop()
        final = await settled_state(lab.mongodb, DATABASE, prefix, load.subscribers)
    operations = load.history.operations
    violations = judge_times(operations, lab.request_seconds)
    violations += load.unexpected
    violations += [
        f"unexpected: A subscriber was told {error}" for s in load.subscribers for error in s.errors
    ]
    if back is None:
        violations.append(
            f"not back: Not every server answered {BACK_SECONDS} seconds after {fault.name}."
        )
    violations += [str(found) for found in await asyncio.to_thread(check, operations, final)]
    report = Report(
        fault=fault.name,
        seconds=monotonic() - began_at,
        operations=sum(struck_at <= operation.started_at <= mended_at for operation in operations),
        unknown=sum(isinstance(operation.outcome, Unknown) for operation in operations),
        not_done=sum(isinstance(operation.outcome, NotDone) for operation in operations),
        unavailable_seconds=load.longest_silence(),
        back_seconds=back,
        longest_seconds=max(operation.ended_at - operation.started_at for operation in operations),
        violations=tuple(violations),
    )
    return Trial(report, operations, final)


def judge_times(operations: list[Operation], request_seconds: float) -> list[str]:
    """A sentence for each request that lasted longer than the servers state."""
    limit = request_seconds + ALLOWANCE_SECONDS
    return [
        f"time limit: A request was not ended after {limit} seconds: {describe(operation)}"
        for operation in operations
        if operation.ended_at - operation.started_at > limit
    ]
