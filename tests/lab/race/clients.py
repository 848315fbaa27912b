"""The clients of both implementations; each intention is sent in the implementation's form."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.harness.client import Client, ServerError
from tests.lab.processes import RunFailed
from tests.lab.race.workload import ADMIN, TEAMS, Intention, server_of

ACCEPTED = "accepted"
ALREADY_ON_TEAM = "AlreadyOnTeam"
NOT_ON_TEAM = "NotOnTeam"

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """`ACCEPTED`, a problem's name or an error's code; of a refusal, the user's team if named."""

    outcome: str
    current_team: str | None = None


class Clients(Protocol):
    """As many clients as the race has, each at one server. *Raises*: `RunFailed`, `OSError`."""

    @property
    def team_names(self) -> dict[str, str]:
        """The teams' names by their ids."""
        ...

    async def send(self, intention: Intention) -> Answer: ...

    async def find_team(self, client: int, user: str) -> str | None:
        """The name of the team that a client is shown as the user's."""
        ...


class ClassicClients:
    """Clients of the classic code, whose errors are texts."""

    def __init__(self, sockets: "Sequence[_LineSocket]", team_ids: Mapping[str, str]) -> None:
        self._sockets = sockets
        self._ids = team_ids
        self.team_names = {id_: name for name, id_ in team_ids.items()}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, ports: Sequence[int], count: int, team_ids: Mapping[str, str]
    ) -> AsyncIterator["ClassicClients"]:
        """So many clients, spread over the servers."""
        sockets = [await _LineSocket.open(ports[server_of(n, len(ports))]) for n in range(count)]
        try:
            yield cls(sockets, team_ids)
        finally:
            for socket in sockets:
                socket.close()

    async def send(self, intention: Intention) -> Answer:
        joins = intention.kind in {"join", "add"}
        call = "add" if joins else "leave"
        socket = self._sockets[intention.client]
        error = await socket.call(call, intention.user, self._ids[intention.team])
        if error is None:
            return Answer(ACCEPTED)
        return Answer(ALREADY_ON_TEAM if joins else NOT_ON_TEAM)

    async def find_team(self, client: int, user: str) -> str | None:
        id_ = await self._sockets[client].call("find_team", user)
        return None if id_ is None else self.team_names[id_]


class OurClients:
    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._ids: dict[str, str] = {}
        self.team_names: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, ports: Sequence[int], count: int) -> AsyncIterator["OurClients"]:
        """So many clients, spread over the servers; the teams are created."""
        urls = [f"http://127.0.0.1:{ports[server_of(n, len(ports))]}" for n in range(count)]
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Client(url, timeout_seconds=ANSWER_SECONDS))
                for url in urls
            ]
            ours = cls(clients)
            for name in TEAMS:
                team_id = (await clients[0].create_team(name, capacity=10_000))["id"]
                ours._ids[name], ours.team_names[team_id] = team_id, name
            yield ours

    async def send(self, intention: Intention) -> Answer:
        given, by = {"teamId": self._ids[intention.team]}, (intention.user, "user")
        if intention.kind in {"add", "remove"}:
            given["userId"], by = intention.user, (ADMIN, "admin")
        client, mutation = self._clients[intention.client], _MUTATIONS[intention.kind]
        try:
            outcome = await client.mutate(mutation, viewer=by[0], role=by[1], **given)
        except ServerError as error:
            return Answer(str(error.code))
        if outcome["__typename"].endswith("Success"):
            return Answer(ACCEPTED)
        current = outcome.get("currentTeam")
        return Answer(outcome["__typename"], current and current["name"])

    async def find_team(self, client: int, user: str) -> str | None:
        try:
            found = await self._clients[client].execute(FIND_TEAM, {"id": user}, viewer=ADMIN)
        except ServerError:  # it is counted where a mutation gets it
            return None
        team = found["user"]["team"]
        return None if team is None else str(team["name"])


class _LineSocket:
    """One connection to the classic code: a line of JSON each way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "_LineSocket":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def call(self, *words: str) -> str | None:
        self._writer.write(json.dumps(words).encode() + b"\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await self._reader.readline()
        if not line:
            raise RunFailed("A process of the classic code has ended in the middle of the race.")
        answer: str | None = json.loads(line)
        return answer

    def close(self) -> None:
        self._writer.close()


_MUTATIONS = {
    "join": "joinTeam",
    "add": "addUserToTeam",
    "leave": "leaveTeam",
    "remove": "removeUserFromTeam",
}
FIND_TEAM = "query ($id: ID!) { user(id: $id) { team { name } } }"
