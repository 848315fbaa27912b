"""Lets Hypothesis attack two servers until enough has been sent, and checks the results."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import monotonic
from typing import Final

import click
import hypothesis
from graphql import print_schema
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from tests.harness.schema import SCHEMA
from tests.lab.fuzz.attacks import ATTACKS, Probes
from tests.lab.fuzz.foreign import fuzz_foreign
from tests.lab.fuzz.memory import MemoryWatch
from tests.lab.fuzz.target import Target, running_target
from tests.lab.options import CONTEXT

# The exit status beside 0: the service broke a promise.
BROKEN = 1

SHOWN: Final = 10


class Violation(Exception):
    def __init__(self, sentences: Sequence[str], probes: Probes) -> None:
        super().__init__(*sentences)
        self._sentences = sentences
        self._probes = probes

    def described(self) -> list[str]:
        """The violations, with the requests that caused them."""
        return [*self._sentences, *(f"Sent: {probe}" for probe in self._probes)]


@click.command(context_settings=CONTEXT)
@click.option(
    "--requests",
    default=100_000,
    help="Stop after this many; each kind of attack sends its examples first.",
)
@click.option("--seed", type=int, help="The seed of all drawn values.")
@click.option(
    "--examples",
    default=200,
    help="Examples per kind of attack, after which it gets new teams.",
)
@click.option("--shrink/--no-shrink", default=True, help="Reduce a failure to a minimal example.")
@click.option(
    "--attack",
    "names",
    metavar="NAME",
    multiple=True,
    type=click.Choice(list(ATTACKS)),
    help=f"Only this kind; can be given several times. By default all: {', '.join(ATTACKS)}.",
)
@click.option(
    "--foreign",
    "foreign_seconds",
    metavar="SECONDS",
    type=float,
    help="Instead, let an external writer write anything to the database for this time.",
)
@click.option("--servers", default=1, help="The number of servers beside the external writer.")
def main(
    *,
    requests: int,
    seed: int | None,
    examples: int,
    shrink: bool,
    names: Sequence[str],
    foreign_seconds: float | None,
    servers: int,
) -> None:
    """Sends operations drawn from the schema, odd requests and raw bytes to two servers, one in
    development mode and one that requires tokens.

    Every answer must be coded and masked, no connection may be left without one, the servers' logs
    must hold no error, their memory must not grow, and their data must keep every rule.
    """
    seed = random.randrange(2**32) if seed is None else seed
    print(f"Seed {seed}.")
    if foreign_seconds is not None:
        wrong = asyncio.run(fuzz_foreign(foreign_seconds, servers=servers, seed=seed))
        print(*wrong[:SHOWN], f"{len(wrong)} things wrong.", sep="\n")
        sys.exit(BROKEN if wrong else 0)
    fuzzing = Fuzzing(seed, examples, names or list(ATTACKS), shrink=shrink)
    asyncio.run(fuzzing.run(requests))
    sys.exit(BROKEN if fuzzing.wrong else 0)


class Fuzzing:
    """A run: the requests sent, and the violations."""

    def __init__(self, seed: int, examples: int, names: Sequence[str], *, shrink: bool) -> None:
        self._seed = seed
        self._examples = examples
        self._names = names
        self._phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
        self._sent: Counter[str] = Counter()
        self._memory = MemoryWatch()
        self.wrong: list[str] = []

    async def run(self, requests: int) -> None:
        """Attacks until the number is reached or a violation is found, then checks and prints."""
        async with running_target() as target:
            await self._attack(target, requests)
            if not self.wrong:
                self.wrong += await target.broken_rules()
                self.wrong += self._memory.growth()
            self.wrong += [f"In a server's log: {line}" for line in target.alarms()]
            print(f"{await target.count_changes():,} changes were accepted.")
        self._tell()

    async def _attack(self, target: Target, requests: int) -> None:
        """All kinds of attack at the same time, since each mostly waits."""
        async with asyncio.TaskGroup() as group:
            for number, name in enumerate(self._names):
                seeds = count(self._seed + number, len(self._names))
                group.create_task(self._attack_by(name, seeds, target, requests))

    async def _attack_by(
        self, name: str, seeds: Iterator[int], target: Target, requests: int
    ) -> None:
        loop = asyncio.get_running_loop()

        def send(drawn: Probes) -> list[str]:
            return asyncio.run_coroutine_threadsafe(target.send(drawn), loop).result()

        served_schema = print_schema(SCHEMA._schema)  # with the fields for gateways
        while not self.wrong and self._sent.total() < requests:
            probes = ATTACKS[name](served_schema, await target.renew_teams())
            began_at, before = monotonic(), self._sent[name]
            await asyncio.to_thread(self._take_turn, name, probes, next(seeds), send)
            self._memory.note(target.memory_bytes())
            sent, seconds = self._sent[name] - before, monotonic() - began_at
            print(
                f"{self._sent.total():7,} sent; {name}: {sent:,} in {seconds:.0f} s; "
                f"memory {self._memory.latest}",
                flush=True,
            )

    def _take_turn(
        self,
        name: str,
        probes: SearchStrategy[Probes],
        seed: int,
        send: Callable[[Probes], list[str]],
    ) -> None:
        """Lets Hypothesis draw, send, and make what goes wrong as small as it can; in a thread."""
        first: list[Violation] = []

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=self._examples,
            phases=self._phases,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(probes)
        def attack(drawn: Probes) -> None:
            self._sent[name] += len(drawn)
            if sentences := send(drawn):
                violation = Violation(sentences, drawn)
                first.append(violation)
                raise violation

        try:
            attack()
        except Violation as smallest:
            self.wrong += smallest.described()
        except (Flaky, ExceptionGroup):  # it does not come again, or is several things at once
            self.wrong += first[0].described()

    def _tell(self) -> None:
        print(", ".join(f"{name} {sent:,}" for name, sent in self._sent.items()))
        for sentence in self.wrong[:SHOWN]:
            print(sentence)
        if more := self.wrong[SHOWN:]:
            print(f"... and {len(more)} more.")
        print(f"{self._sent.total():,} requests, {len(self.wrong)} things wrong.")


if __name__ == "__main__":
    main(prog_name="scripts/fuzz")
