"""Runs of the simulated service: clients at random, whose requests overlap and answers get lost.

Time is simulated too. Every history made here is good: the checker must find nothing.
"""

import heapq
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import count

from tests.lab.checker.history import (
    Feed,
    FinalState,
    History,
    Kind,
    NotDone,
    Operation,
    Outcome,
    Request,
    SeenChange,
    Unknown,
    UserRead,
)
from tests.lab.checker.simulated_service import SimulatedService

WEIGHTS = {
    Kind.ADD_USER: 25,
    Kind.JOIN: 15,
    Kind.REMOVE_USER: 15,
    Kind.LEAVE: 8,
    Kind.MOVE_USER: 20,
    Kind.UPDATE_TEAM: 6,
    Kind.DELETE_TEAM: 1,
    Kind.CREATE_TEAM: 1,
    Kind.READ_USER: 15,
    Kind.READ_TEAM: 10,
}
OF_TEAMS = frozenset({Kind.UPDATE_TEAM, Kind.DELETE_TEAM, Kind.CREATE_TEAM, Kind.READ_TEAM})


@dataclass(frozen=True, slots=True)
class Run:
    """What there is to judge."""

    operations: list[Operation]
    final: FinalState


class Simulation:
    """So many operations, by so many clients, on so many users. `loss` is the share unanswered."""

    def __init__(
        self,
        seed: int,
        *,
        operations: int = 300,
        clients: int = 8,
        users: int = 8,
        teams: int = 5,
        loss: float = 0.05,
    ) -> None:
        self._chance = random.Random(seed)
        self._left = operations
        self._clients = clients
        self._users = [f"user-{number}" for number in range(users)]
        self._teams = teams
        self._loss = loss
        self._service = SimulatedService()
        self._now = 0.0
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._history = History(lambda: self._now)
        self._running = 0

    def run(self) -> Run:
        """The whole run, up to a final state that late effects of lost requests may still miss."""
        for number in range(self._teams):
            request = Request("setup", Kind.CREATE_TEAM, name=f"Team {number}")
            call = self._history.start(request)
            self._now += 0.01
            call.complete(self._service.carry_out(request))
        for number in range(self._clients):
            self._running += 1
            self._resume(self._client(f"client-{number}"))
        while self._running:
            self._step()
        for _ in range(self._chance.randrange(3)):
            self._step()
        started_at = self._now
        teams = self._service.final_teams()
        final = FinalState(teams, started_at, started_at + 1, feeds=())
        return Run(self._history.operations, replace(final, feeds=self._feeds(final)))

    def _step(self) -> None:
        if self._events:
            self._now, _, happen = heapq.heappop(self._events)
            happen()

    def _at(self, delay: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + delay, next(self._numbers), happen))

    def _resume(self, client: Generator[float, None, None]) -> None:
        """Lets a client go on until it waits, and again when it has waited."""
        delay = next(client, None)
        if delay is None:
            self._running -= 1
        else:
            self._at(delay, lambda: self._resume(client))

    def _client(self, name: str) -> Generator[float, None, None]:
        while self._left > 0:
            self._left -= 1
            request = self._invent(name)
            outcome = yield from self._send(request)
            while isinstance(outcome, Unknown) and self._sends_again(request):
                outcome = yield from self._send(request)
            yield self._delay()

    def _sends_again(self, request: Request) -> bool:
        return request.request_id is not None and self._chance.random() < 0.7

    def _send(self, request: Request) -> Generator[float, None, Outcome]:
        call = self._history.start(request)
        outcome: Outcome
        yield self._delay()
        fate = self._chance.random()
        if fate >= self._loss:
            outcome = self._service.carry_out(request)
            yield self._delay()
        elif fate < self._loss * 0.1:
            outcome = NotDone("refused connection")
        else:
            if fate < self._loss * 0.6:  # it happens, now or much later, and nobody is told
                late = self._chance.choice((0, 1, 100))
                self._at(self._delay() * late, lambda: self._happen_unheard(request))
            yield self._delay()
            outcome = Unknown("timed out")
        call.complete(outcome)
        return outcome

    def _happen_unheard(self, request: Request) -> None:
        self._service.carry_out(request)

    def _delay(self) -> float:
        return self._chance.expovariate(100)

    def _invent(self, client: str) -> Request:
        chance, teams = self._chance, self._service.team_ids
        kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        request = Request(client, kind, user_id=chance.choice(self._users))
        if kind in OF_TEAMS:
            request = replace(request, user_id=None)
        if kind is Kind.CREATE_TEAM:
            request = replace(request, name="New", capacity=chance.choice((None, 3)))
        elif kind is not Kind.READ_USER:
            request = replace(request, team_id=chance.choice(teams))
        if kind in (Kind.REMOVE_USER, Kind.LEAVE, Kind.MOVE_USER):
            request = self._aim(request)
        if kind in (Kind.UPDATE_TEAM, Kind.DELETE_TEAM) or chance.random() < 0.2:
            request = self._expect(request)
        if kind is Kind.UPDATE_TEAM:
            values = chance.choice(({"name": "Other"}, {"capacity": chance.randrange(2, 8)}))
            request = replace(request, **values)
        if kind not in (Kind.READ_USER, Kind.READ_TEAM) and chance.random() < 0.5:
            request = replace(request, request_id=f"{chance.getrandbits(64):x}")
        return request

    def _aim(self, request: Request) -> Request:
        """Mostly at the team the user is on, so that not all is refused."""
        read = self._service.carry_out(replace(request, kind=Kind.READ_USER))
        if not isinstance(read, UserRead) or read.team is None or self._chance.random() < 0.3:
            return request
        if request.kind is not Kind.MOVE_USER:
            return replace(request, team_id=read.team.team_id)
        if self._chance.random() < 0.5:
            return request
        return replace(request, from_team_id=read.team.team_id)

    def _expect(self, request: Request) -> Request:
        team = self._service.final_teams().get(request.team_id or "")
        if team is None or request.kind in (Kind.READ_USER, Kind.READ_TEAM):
            return request
        return replace(request, expected_version=team.version - self._chance.choice((0, 0, 0, 1)))

    def _feeds(self, final: FinalState) -> tuple[Feed, ...]:
        feeds = []
        for team_id, team in final.teams.items():
            after = self._chance.randrange(team.version + 1)
            caught_up = self._chance.random() < 0.5
            last = team.version if caught_up else self._chance.randint(after, team.version)
            told = tuple(SeenChange(entry.version, entry.kind) for entry in team.log[after:last])
            feeds.append(Feed(f"of {team_id}", team_id, after, told, caught_up))
        return tuple(feeds)
