"""Clients and subscribers that keep a lab's servers busy, and the record of their operations."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from time import monotonic
from typing import Self

import httpx

from app.storage.client import Client as MongoClient
from tests.harness.client import Client, ServerError
from tests.harness.servers import Server
from tests.harness.subscriber import Subscriber
from tests.harness.waiting import eventually
from tests.lab.asking import ask
from tests.lab.checker.check import check
from tests.lab.checker.history import (
    READS,
    Accepted,
    FinalState,
    History,
    NotDone,
    Operation,
    Outcome,
    Refused,
    Request,
    Unknown,
)
from tests.lab.checker.violations import describe
from tests.lab.final_state import settled_state
from tests.lab.workload import TEAMS, USERS, Workload

CLIENTS = 12
SUBSCRIBERS = 9
# A client whose answer is lost asks again so often, if its request has an id; then it gives up.
SENDINGS = 6
MOST_SECONDS_BEFORE_NEXT_SENDING = 0.1
# Divided by the number of subscribers.
MOST_SECONDS_BETWEEN_DROPS = 6.0
# What a busy machine may take on top of the service's own limit.
ALLOWANCE_SECONDS = 3.0
STEADY_SECONDS = 90  # 9 on an idle machine
# Clients that close their connection in the middle of a mutation, so that it is cancelled.
GIVING_UP = 0.04
MOST_SECONDS_BEFORE_GIVING_UP = 0.03

# Codes of errors after which nothing has been done, and of those after which nobody knows.
NOT_DONE_CODES = frozenset({"CONTENTION", "TOO_MANY_OPERATIONS"})
UNKNOWN_CODES = frozenset({"DATABASE_UNAVAILABLE"})


class Load:
    """The clients and subscribers; they work inside the context, until `stop`.

    Every other client sends all it has to one server; the rest changes servers all the time.
    """

    def __init__(
        self,
        mongodb: MongoClient,
        database: str,
        servers: Sequence[Server],
        *,
        request_seconds: float = 5,
        prefix: str = "",
        seed: int = 1,
        clients: int = CLIENTS,
        subscribers: int = SUBSCRIBERS,
        teams: int = TEAMS,
        users: int = USERS,
    ) -> None:
        self._mongodb, self._database, self._servers = mongodb, database, servers
        self._request_seconds = request_seconds
        self._prefix = prefix
        self._chance = random.Random(seed)
        self._sizes = clients, subscribers, teams
        self._workload = Workload(prefix, self._chance, teams=teams, users=users)
        self._clients: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._following: list[asyncio.Task[None]] = []
        self._stopped = False
        self._open = AsyncExitStack()
        self.history = History()
        self.subscribers: list[Subscriber] = []
        self.changes_answered: list[list[float]] = [[] for _ in servers]
        """For each server, when it answered a mutation with an outcome."""
        self.final: FinalState
        self.unexpected: list[str] = []
        """The answers that no client may get."""

    async def __aenter__(self) -> Self:
        seconds = self._request_seconds + ALLOWANCE_SECONDS
        clients, subscribers, teams = self._sizes
        for server in self._servers:
            client = Client(server.url, timeout_seconds=seconds)
            self._clients.append(await self._open.enter_async_context(client))
        for _ in range(teams):
            await self._send(0, self._workload.creation("setup"))
        self._tasks = [asyncio.create_task(self._work(number)) for number in range(clients)]
        if subscribers:
            self._following = [asyncio.create_task(self._drop_subscribers(subscribers))]
        urls = [server.url for server in self._servers]
        for number in range(subscribers):
            first = number % len(urls)
            self.follow(urls[first:] + urls[:first], number)
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = (*self._tasks, *self._following)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._open.aclose()

    async def after_more_changes(self, count: int) -> None:
        """Returns when each server has answered so many more mutations."""
        targets = [len(answered) + count for answered in self.changes_answered]

        async def are_reached() -> bool:
            return all(
                len(answered) >= target
                for answered, target in zip(self.changes_answered, targets, strict=True)
            )

        await eventually(are_reached, timeout_seconds=STEADY_SECONDS)

    async def back_since(self, moment: float, *, timeout_seconds: float) -> float:
        """The time from the given moment until every server has answered a mutation again.

        *Raises*: `TimeoutError`.
        """

        def firsts() -> list[float]:
            return [
                next((answer for answer in answered if answer >= moment), 0.0)
                for answered in self.changes_answered
            ]

        async def all_have() -> bool:
            return all(firsts())

        await eventually(all_have, timeout_seconds=moment + timeout_seconds - monotonic())
        return max(firsts()) - moment

    def longest_silence(self) -> float:
        """The longest time for which one of the servers answered no mutation."""
        return max(
            later - earlier
            for answered in self.changes_answered
            for earlier, later in pairwise(answered)
        )

    async def stop(self) -> None:
        """Returns when every request under way has ended; the subscribers go on."""
        self._stopped = True
        await asyncio.gather(*self._tasks)

    async def judge(self) -> list[str]:
        """Stops, reads the `final` state, and returns a sentence for each violation."""
        await self.stop()
        self.final = await settled_state(
            self._mongodb, self._database, self._prefix, self.subscribers
        )
        found = await asyncio.to_thread(check, self.history.operations, self.final)
        errors = [error for subscriber in self.subscribers for error in subscriber.errors]
        return [
            *judge_times(self.history.operations, self._request_seconds),
            *self.unexpected,
            *(f"unexpected: A subscriber was told {error}" for error in errors),
            *map(str, found),
        ]

    async def _work(self, number: int) -> None:
        name = f"client-{number}"
        while not self._stopped:
            request = self._workload.next(name)
            for _ in range(SENDINGS):
                server = number if number % 2 else self._chance.randrange(len(self._clients))
                outcome = await self._send(server % len(self._clients), request)
                if not isinstance(outcome, Unknown | NotDone):
                    break
                pause = self._chance.uniform(0, MOST_SECONDS_BEFORE_NEXT_SENDING)
                await asyncio.sleep(pause)  # the server may be on its way up
                if request.request_id is None or self._stopped:
                    break

    async def _send(self, server: int, request: Request) -> Outcome:
        complete = self.history.start(request)
        try:
            async with asyncio.timeout(self._patience(request)):
                outcome = await ask(self._clients[server], request)
        except TimeoutError:
            outcome = Unknown("gave up")
        except httpx.ConnectError as error:
            outcome = NotDone(type(error).__name__)
        except httpx.TransportError as error:
            outcome = Unknown(type(error).__name__)
        except ServerError as error:
            outcome = NotDone(error.code) if error.code in NOT_DONE_CODES else Unknown(error.code)
            if error.code not in NOT_DONE_CODES | UNKNOWN_CODES:
                self.unexpected.append(f"unexpected: {request.kind} was answered {error}")
        complete(outcome)
        self._workload.learn(request, outcome)
        if request.kind not in READS and isinstance(outcome, Accepted | Refused):
            self.changes_answered[server].append(monotonic())
        return outcome

    def _patience(self, request: Request) -> float | None:
        """The seconds after which the client closes its connection; None if it does not."""
        gives_up = self._tasks and request.kind not in READS and self._chance.random() < GIVING_UP
        return self._chance.uniform(0, MOST_SECONDS_BEFORE_GIVING_UP) if gives_up else None

    def follow(self, urls: list[str], number: int) -> Subscriber:
        """Starts a subscriber to one of the teams, whose connections take turns on the URLs."""
        team_ids = self._workload.team_ids
        subscriber = Subscriber(urls, team_ids[number % len(team_ids)])
        self.subscribers.append(subscriber)
        self._following.append(asyncio.create_task(subscriber.follow()))
        return subscriber

    async def _drop_subscribers(self, count: int) -> None:
        """Cuts connections for as long as it runs."""
        while True:
            await asyncio.sleep(self._chance.uniform(0, MOST_SECONDS_BETWEEN_DROPS / count))
            self._chance.choice(self.subscribers).drop()


def judge_times(operations: list[Operation], request_seconds: float) -> list[str]:
    """A sentence for each request that exceeded the servers' timeout."""
    limit = request_seconds + ALLOWANCE_SECONDS
    return [
        f"time limit: A request was not ended after {limit} seconds: {describe(operation)}"
        for operation in operations
        if operation.ended_at - operation.started_at > limit
    ]
