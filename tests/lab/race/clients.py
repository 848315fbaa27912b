"""The clients of both implementations: each intention is sent as the implementation wants it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from tests.lab.bench.load import Connection
from tests.lab.race.processes import RaceFailed
from tests.lab.race.workload import ADMIN, TEAMS, Intention, server_of

ACCEPTED = "accepted"
ALREADY_ON_TEAM = "AlreadyOnTeam"
NOT_ON_TEAM = "NotOnTeam"

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """`ACCEPTED`, a problem's name or an error's code; after a refusal, the user's team if told."""

    outcome: str
    current_team: str | None = None


class Clients(Protocol):
    """As many clients as the race has, each at one server. *Raises*: `RaceFailed`, `OSError`."""

    @property
    def team_names(self) -> dict[str, str]:
        """The teams' names by their ids."""
        ...

    async def send(self, intention: Intention) -> Answer: ...

    async def find_team(self, client: int, user: str) -> str | None:
        """The name of the team that a client is shown as the user's."""
        ...


class ClassicClients:
    """Clients of the classic code, which tells its errors in words."""

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
    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections
        self._ids: dict[str, str] = {}
        self.team_names: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, ports: Sequence[int], count: int) -> AsyncIterator["OurClients"]:
        """So many clients, spread over the servers; the teams are created."""
        connections = [
            await Connection.open("127.0.0.1", ports[server_of(n, len(ports))])
            for n in range(count)
        ]
        try:
            clients = cls(connections)
            await clients._create_teams()
            yield clients
        finally:
            for connection in connections:
                connection.close()

    async def send(self, intention: Intention) -> Answer:
        mutation, _ = _MUTATIONS[intention.kind]
        given = {"teamId": self._ids[intention.team]}
        viewer = intention.user
        if intention.kind in {"add", "remove"}:
            given["userId"], viewer = intention.user, ADMIN
        answer = await self._ask(
            intention.client, _DOCUMENTS[intention.kind], {"input": given}, viewer
        )
        if "errors" in answer:
            return Answer(str(answer["errors"][0]["extensions"]["code"]))
        outcome = answer["data"][mutation]
        if outcome["__typename"].endswith("Success"):
            return Answer(ACCEPTED)
        current = outcome.get("currentTeam")
        return Answer(outcome["__typename"], current and current["name"])

    async def find_team(self, client: int, user: str) -> str | None:
        answer = await self._ask(client, FIND_TEAM, {"id": user}, ADMIN)
        if "errors" in answer:  # it is counted where a mutation gets it
            return None
        team = answer["data"]["user"]["team"]
        return None if team is None else str(team["name"])

    async def _create_teams(self) -> None:
        for name in TEAMS:
            answer = await self._ask(0, CREATE_TEAM, {"name": name}, ADMIN)
            try:
                id_ = answer["data"]["createTeam"]["team"]["id"]
            except (KeyError, TypeError) as error:
                raise RaceFailed(f"The API did not create {name}: {answer}") from error
            self._ids[name] = id_
            self.team_names[id_] = name

    async def _ask(
        self, client: int, query: str, variables: Mapping[str, object], viewer: str
    ) -> dict[str, Any]:
        role = "admin" if viewer == ADMIN else "user"
        headers = f"X-User-Id: {viewer}\r\nX-User-Role: {role}\r\n".encode()
        body = orjson.dumps({"query": query, "variables": variables})
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._connections[client].post("/graphql", body, headers=headers)
        read: dict[str, Any] = orjson.loads(answer)
        return read


class _LineSocket:
    """One connection to the classic code: a line of JSON there, a line back."""

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
            raise RaceFailed("A process of the classic code has ended in the middle of the race.")
        answer: str | None = json.loads(line)
        return answer

    def close(self) -> None:
        self._writer.close()


# The mutation of each kind of intention, and the problem that it can meet here.
_MUTATIONS = {
    "join": ("joinTeam", "AlreadyOnTeam { currentTeam { name } }"),
    "add": ("addUserToTeam", "AlreadyOnTeam { currentTeam { name } }"),
    "leave": ("leaveTeam", "NotOnTeam { message }"),
    "remove": ("removeUserFromTeam", "NotOnTeam { message }"),
}


def _document(mutation: str, problem: str) -> str:
    title = mutation[0].upper() + mutation[1:]
    return (
        f"mutation ($input: {title}Input!) {{ {mutation}(input: $input) {{ __typename"
        f" ... on {title}Success {{ team {{ version }} }} ... on {problem} }} }}"
    )


_DOCUMENTS = {kind: _document(*parts) for kind, parts in _MUTATIONS.items()}

FIND_TEAM = "query ($id: ID!) { user(id: $id) { team { name } } }"
CREATE_TEAM = (
    "mutation ($name: String!) { createTeam(input: {name: $name, capacity: 10000}) {"
    " ... on CreateTeamSuccess { team { id } } ... on Problem { message } } }"
)
