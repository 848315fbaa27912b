"""One interleaved comparison of rate, latency and processor time."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import psutil
import uvloop

from tests.lab.bench.joins import cost_by_size, insert_teams
from tests.lab.bench.load import connected, run_load
from tests.lab.bench.peers.picture import Figures, Results, draw
from tests.lab.bench.peers.sides import (
    BARE,
    JOIN,
    NODE_SERVERS,
    OURS,
    READ_TEAM,
    READ_TEAMS,
    Side,
    node_problem,
    side,
)
from tests.lab.options import CONTEXT

UNEQUAL = (
    "All send the same write and reads, and the writes have the same write concern, index and "
    "validator.\nNot equal: Mercurius and Yoga have no limits, no recorder of changes, no "
    "sign-in and no request\nids; the bare driver has no HTTP and no GraphQL, and its processor "
    "time includes the load's."
)


class Workload(NamedTuple):
    """Calls of one kind to a number of teams of one size."""

    title: str
    kind: str
    clients: int
    teams: int
    members: int
    share: int = 1  # of the operations, one in so many


WORKLOADS = (
    Workload("addUserToTeam, 100 teams", JOIN, 32, 100, 0),
    Workload("team(id)", READ_TEAM, 32, 100, 10),
    Workload("teams(first: 20)", READ_TEAMS, 32, 100, 10),
    # A quarter: each join costs more than the one before, since the team grows.
    Workload("addUserToTeam, one team of 1,000", JOIN, 48, 1, 1_000, share=4),
)


@click.command(context_settings=CONTEXT)
@click.option("--rounds", default=3, type=click.IntRange(1))
@click.option(
    "--operations",
    default=2_000,
    type=click.IntRange(4),
    help="Per round, side and workload.",
)
@click.option("--picture", type=click.Path(path_type=Path), help="An SVG file for the figures.")
def main(*, rounds: int, operations: int, picture: Path | None) -> None:
    """Compare Team Joiner, the bare driver, Mercurius and GraphQL Yoga in one interleaved run."""
    names = [OURS, BARE]
    problem = node_problem()
    if problem is None:
        names += NODE_SERVERS
    results = uvloop.run(_measure(names, rounds, operations))
    for line in _report(results):
        click.echo(line)
    click.echo(UNEQUAL)
    if problem is not None:
        click.echo(f"Mercurius and GraphQL Yoga were left out, since {problem}.")
    if picture is not None:
        picture.write_text(draw(results), encoding="utf-8")


async def _measure(names: list[str], rounds: int, operations: int) -> Results:
    found: dict[tuple[str, str], list[Figures]] = {}
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(side(name)) for name in names]
        for round_number in range(-1, rounds):  # the first one warms up and is not counted
            for workload in WORKLOADS:
                for each in sides:
                    figures = await _run(each, workload, operations // workload.share)
                    if round_number >= 0:
                        found.setdefault((workload.title, each.name), []).append(figures)
            sides.append(sides.pop(0))  # another order in each round
        ours = next(each for each in sides if each.name == OURS)
        assert ours.port is not None
        click.echo(f"Medians of {rounds} rounds of {operations} operations.")
        async with connected(ours.port, 1) as (socket,):
            await cost_by_size(ours.teams, socket)
    return {
        workload.title: {
            name: Figures(*map(median, zip(*found[workload.title, name], strict=True)))
            for name in names
        }
        for workload in WORKLOADS
    }


async def _run(measured: Side, workload: Workload, operations: int) -> Figures:
    """One workload on fresh teams; the processor time includes the recording of its changes."""
    ids = await insert_teams(measured.teams, [workload.members] * workload.teams)
    server, mongod = psutil.Process(measured.process_id), psutil.Process(measured.mongod_id)
    async with measured.calls(workload.kind, ids, workload.clients) as calls:
        before = _busy_ms(server), _busy_ms(mongod)
        timing = await run_load(calls, 0, operations)
        await measured.catch_up(ids)
        after = _busy_ms(server), _busy_ms(mongod)
    await measured.teams.delete_many({})
    return Figures(
        timing.rate,
        timing.percentile(50) * 1000,
        timing.percentile(99) * 1000,
        (after[0] - before[0]) / operations,
        (after[1] - before[1]) / operations,
    )


def _busy_ms(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system) * 1000


def _report(results: Results) -> Iterator[str]:
    head = ("per second", "p50 ms", "p99 ms", "server CPU ms", "mongod CPU ms")
    for workload in WORKLOADS:
        yield f"{workload.title}, {workload.clients} clients:"
        yield f"  {'':16}{head[0]:>11}{head[1]:>9}{head[2]:>9}{head[3]:>15}{head[4]:>15}"
        for name, found in results[workload.title].items():
            yield (
                f"  {name:16}{found.rate:11.0f}{found.p50_ms:9.1f}{found.p99_ms:9.1f}"
                f"{found.server_ms:15.2f}{found.mongod_ms:15.2f}"
            )


if __name__ == "__main__":
    main(prog_name="scripts/bench peers")
