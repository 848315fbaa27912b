"""The memory of a team's subscribers, and the time until a change made elsewhere reaches all."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection as Pipe
from time import perf_counter, sleep
from typing import Any
from uuid import uuid4

import click
import psutil
import uvloop

from tests.harness.client import Client
from tests.lab.bench.load import Timing
from tests.lab.bench.subscribers import Receipts, run_subscribers
from tests.lab.options import CONTEXT
from tests.lab.processes import api, deployment

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]  # a module, or nothing

ADD_USER = (
    "mutation ($input: AddUserToTeamInput!) { addUserToTeam(input: $input) {"
    " ... on AddUserToTeamSuccess { team { version updatedAt } } } }"
)
TEAM_CHANGES = (
    "subscription ($teamId: ID!, $afterVersion: Int) {"
    " teamChanges(teamId: $teamId, afterVersion: $afterVersion) {"
    " __typename version at actorId ... on UserJoinedTeam { user { id } } %s } }"
)
SELECTED_TEAM = "team { id name version memberCount }"

# A subscriber that is more than 1,000 changes behind is cut off, as it may be after a burst.
FEW = click.IntRange(1, 1_000)
RATE = click.FloatRange(0.01)

SETTLING_SECONDS = 3
DELIVERY_SECONDS = 120


@click.command(context_settings=CONTEXT)
@click.option("--subscribers", default=1_000, help="To one team and process.")
@click.option("--changes", default=50, type=FEW, help="Per measurement.")
@click.option("--rate", default=5.0, type=RATE, help="Changes per second.")
@click.option("--client-processes", default=2, help="Share the subscribers.")
@click.option("--select-team", is_flag=True, help="Subscribers ask for the changed team as well.")
@click.option("--mongodb-uri", help="A replica set to use; by default one is started.")
def main(
    *,
    subscribers: int,
    changes: int,
    rate: float,
    client_processes: int,
    select_team: bool,
    mongodb_uri: str | None,
) -> None:
    """Measures what a subscriber costs, and how soon a change reaches all of them.

    The changes are made through another server process, first at a rate, then as fast as it goes.
    A delivery's latency counts from the time that the change bears, so it includes the commit.
    """
    _allow_many_connections()
    database = f"bench_{uuid4().hex[:8]}"
    with (
        deployment(mongodb_uri) as uri,
        # The first one takes the lease, so it records the changes besides delivering them.
        api(uri, database) as feeding,
        api(uri, database) as writing,
    ):
        team = uvloop.run(_create_team(writing.port))
        query = TEAM_CHANGES % (SELECTED_TEAM if select_team else "")
        bench = _Bench(feeding.port, writing.port, query, team)
        server = psutil.Process(feeding.process_id)
        with bench.subscribers(1, processes=1) as warming_up:
            bench.measure(warming_up, changes=changes, rate=0)
        sleep(SETTLING_SECONDS)
        before = server.memory_info().rss
        with bench.subscribers(subscribers, processes=client_processes) as pipes:
            bench.measure(pipes, changes=1, rate=0)  # it arrives when all have subscribed
            sleep(SETTLING_SECONDS)
            idle = server.memory_info().rss - before
            paced = bench.measure(pipes, changes=changes, rate=rate)
            burst = bench.measure(pipes, changes=changes, rate=0)
            busy = server.memory_info().rss - before
    click.echo(f"{subscribers} subscribers to one team on one process, {changes} changes each way:")
    click.echo(f"  {'':12}{'each delivery, ms':>22}{'until all have it, ms':>26}{'deliveries':>13}")
    click.echo(f"  {'':12}{'p50':>12}{'p99':>10}{'p50':>16}{'p99':>10}{'per second':>13}")
    for name, found in ((f"{rate:g} a second", paced), ("in a burst", burst)):
        each, until_all = found.each, found.until_all
        click.echo(
            f"  {name:12}{each.percentile(50) * 1000:12.0f}{each.percentile(99) * 1000:10.0f}"
            f"{until_all.percentile(50) * 1000:16.0f}{until_all.percentile(99) * 1000:10.0f}"
            f"{each.rate:13.0f}"
        )
    click.echo(
        f"  memory per subscriber: {idle / subscribers / 1024:.1f} KB idle, "
        f"{busy / subscribers / 1024:.1f} KB after the burst"
    )


@dataclass(frozen=True)
class _Delivered:
    """The result of a measurement: the latency of each delivery, and of each change's last one."""

    each: Timing
    until_all: Timing


class _Bench:
    """A team, the server that changes it and the server that its subscribers are at."""

    def __init__(self, port: int, writing_port: int, query: str, team: dict[str, Any]) -> None:
        self._port = port
        self._writing_port = writing_port
        self._query = query
        self._team_id: str = team["id"]
        self._version: int = team["version"]

    @contextmanager
    def subscribers(self, count: int, *, processes: int) -> Iterator[list[Pipe]]:
        """Processes that subscribe to what follows the present version; the pipes to them."""
        context = multiprocessing.get_context("spawn")
        variables = {"teamId": self._team_id, "afterVersion": self._version}
        subscription: dict[str, object] = {"query": self._query, "variables": variables}
        pipes: list[Pipe] = []
        started = []
        try:
            for number in range(processes):
                pipe, given = context.Pipe()
                share = count // processes + (number < count % processes)
                arguments = (given, self._port, subscription, share)
                process = context.Process(target=run_subscribers, args=arguments, daemon=True)
                process.start()
                given.close()
                started.append(process)
                pipes.append(pipe)
            yield pipes
        finally:
            for process in started:
                process.kill()
                process.join()

    def measure(self, pipes: list[Pipe], *, changes: int, rate: float) -> _Delivered:
        """Makes changes, at a rate per second if it is not 0, and waits until all are received."""
        making = _add_users(self._writing_port, self._team_id, changes, rate)
        made_at = uvloop.run(making)
        self._version = max(made_at)
        for pipe in pipes:
            pipe.send(self._version)
        latencies: list[float] = []
        last: dict[int, float] = dict.fromkeys(made_at, 0.0)
        for pipe in pipes:
            for version, arrivals in _receive(pipe).items():
                found = [arrived_at - made_at[version] for arrived_at in arrivals]
                latencies += found
                last[version] = max(last[version], *found)
        seconds = max(made_at[version] + took for version, took in last.items())
        seconds -= min(made_at.values())
        return _Delivered(Timing(seconds, latencies), Timing(seconds, list(last.values())))


def _receive(pipe: Pipe) -> Receipts:
    if not pipe.poll(DELIVERY_SECONDS):
        raise click.ClickException(f"Not every change arrived within {DELIVERY_SECONDS} seconds.")
    try:
        receipts: Receipts = pipe.recv()
    except EOFError:
        raise click.ClickException("A process full of subscribers ended; see above.") from None
    return receipts


async def _create_team(port: int) -> dict[str, Any]:
    async with Client(f"http://127.0.0.1:{port}") as api:
        return await api.create_team("bench", capacity=10_000)


async def _add_users(port: int, team_id: str, count: int, rate: float) -> dict[int, float]:
    """When each new version was made, in seconds of the epoch, as the server tells it."""
    made_at: dict[int, float] = {}
    async with Client(f"http://127.0.0.1:{port}") as api:
        began = perf_counter()
        for number in range(count):
            if rate:
                await asyncio.sleep(max(0, began + number / rate - perf_counter()))
            given = {"teamId": team_id, "userId": uuid4().hex}
            team = (await api.execute(ADD_USER, {"input": given}))["addUserToTeam"]["team"]
            made_at[team["version"]] = datetime.fromisoformat(team["updatedAt"]).timestamp()
    return made_at


def _allow_many_connections() -> None:
    """Lets this process and those that it starts open as many files as the system allows."""
    if resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main(prog_name="scripts/bench feeds")
