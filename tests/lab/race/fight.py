"""Lets the clients fight over the users for a while, and keeps count."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, monotonic_ns

from tests.lab.race.clients import ACCEPTED, ALREADY_ON_TEAM, NOT_ON_TEAM, Answer, Clients
from tests.lab.race.violations import Violations
from tests.lab.race.workload import Bout, Intention, Kind, arrange_lanes, bouts, name_users

LOOK_SECONDS = 0.25

# Among each lane's first bouts the picture finds its victim; all of them would fill the memory.
REMEMBERED_BOUTS = 500

PROBLEMS = {ALREADY_ON_TEAM, NOT_ON_TEAM}


@dataclass(frozen=True)
class Attempt:
    """An intention with its answer, and the client's times of sending it and being answered."""

    intention: Intention
    answer: Answer
    sent_ns: int
    answered_ns: int


@dataclass(frozen=True)
class FoughtBout:
    """The attempts of a bout's intentions, in their order."""

    bout: Bout
    attempts: tuple[Attempt, ...]


class Fight:
    """One implementation under the workload: its state while it runs, its result afterwards."""

    def __init__(self, title: str, violations: Violations, *, seconds: float) -> None:
        self.title = title
        self.violations = violations
        self.seconds = seconds
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.mutations = 0  # that have been answered
        self.team_names: dict[str, str] = {}
        self.remembered: dict[tuple[int, int], FoughtBout] = {}
        self._began: float | None = None
        self._ended: float | None = None

    @property
    def is_over(self) -> bool:
        return self._ended is not None

    @property
    def elapsed(self) -> float:
        """The seconds that it has run, or took."""
        if self._began is None:
            return 0.0
        return (self._ended or monotonic()) - self._began

    async def run(
        self, clients: Clients, *, count: int, users: int, seed: int, tick: Callable[[], None]
    ) -> None:
        """Fights with so many clients, looking for violations all the while and at the end."""
        names = name_users(users)
        self.team_names = clients.team_names
        self._began = monotonic()
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._keep_looking(tick))
            lanes = [
                group.create_task(self._play(clients, seed, lane, members, names))
                for lane, members in enumerate(arrange_lanes(count))
            ]
            await asyncio.wait(lanes)
            self._ended = monotonic()
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        await self.violations.look()
        tick()

    async def _keep_looking(self, tick: Callable[[], None]) -> None:
        while True:
            await self.violations.look()
            tick()
            await asyncio.sleep(LOOK_SECONDS)

    async def _play(
        self, clients: Clients, seed: int, lane: int, members: tuple[int, ...], users: list[str]
    ) -> None:
        for bout in bouts(seed, lane, members, users):
            if self.elapsed >= self.seconds:
                return
            attempts = await asyncio.gather(
                *(self._attempt(clients, intention) for intention in bout.intentions)
            )
            if bout.number < REMEMBERED_BOUTS:
                self.remembered[lane, bout.number] = FoughtBout(bout, tuple(attempts))
            if bout.leaver is not None:
                await self._free(clients, bout, bout.leaver)

    async def _free(self, clients: Clients, bout: Bout, client: int) -> None:
        """Takes the user off the team that the client is shown, as somebody at a screen does."""
        team = await clients.find_team(client, bout.user)
        if team is not None:
            kind: Kind = "leave" if client == bout.intentions[0].client else "remove"
            await self._attempt(clients, Intention(client, kind, bout.user, team))

    async def _attempt(self, clients: Clients, intention: Intention) -> Attempt:
        sent_ns = monotonic_ns()
        answer = await clients.send(intention)
        answered_ns = monotonic_ns()
        self.mutations += 1
        if answer.outcome == ACCEPTED:
            self.accepted += 1
        elif answer.outcome in PROBLEMS:
            self.refused[answer.outcome] += 1
        else:
            self.failed[answer.outcome] += 1
        return Attempt(intention, answer, sent_ns, answered_ns)
