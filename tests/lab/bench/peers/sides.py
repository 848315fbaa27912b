"""The servers that are compared, each on a mongod of its own, and the calls that load them."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from bson import ObjectId

from app.storage.client import Client, Collection, close, connect, team_changes_of, teams_of
from app.storage.preparation import prepare_database
from tests.lab.bench.joins import ADD_USER, ADDED, bare_join
from tests.lab.bench.load import Call, Connection, connected
from tests.lab.processes import Api, api, deployment, npm_problem

OURS, BARE = "Team Joiner", "bare driver"
NODE_SERVERS = {"Mercurius (JIT)": "mercurius.mjs", "GraphQL Yoga": "yoga.mjs"}

FOLDER = Path(__file__).parent
RECORDED_SECONDS = 60
POLL_SECONDS = 0.05

TEAM = "query ($id: ID!) { team(id: $id) { name version memberCount } }"
TEAMS = "{ teams(first: 20) { edges { node { id name version memberCount } } } }"
FIELDS = {"name": 1, "version": 1, "memberCount": {"$size": "$userIds"}}
JOIN, READ_TEAM, READ_TEAMS = "join", "team", "teams"


@dataclass
class Side:
    """A server and its database; `port` is None for the bare driver, which has no server."""

    name: str
    client: Client
    database: str
    port: int | None
    process_id: int
    mongod_id: int

    @property
    def teams(self) -> Collection:
        return teams_of(self.client, self.database)

    @asynccontextmanager
    async def calls(
        self, kind: str, ids: list[ObjectId], clients: int
    ) -> AsyncIterator[list[Call]]:
        """One call for each client, on a connection of its own."""
        if self.port is None:
            yield [_bare_call(self.teams, kind, ids)] * clients
            return
        async with connected(self.port, clients) as sockets:
            yield [_api_call(socket, kind, ids) for socket in sockets]

    async def catch_up(self, ids: list[ObjectId]) -> None:
        """Wait until our server has recorded each team's last change."""
        if self.name != OURS:
            return
        changed = {"_id": {"$in": ids}, "version": {"$gt": 1}}
        last = [
            {"teamId": str(team["_id"]), "version": team["version"]}
            async for team in self.teams.find(changed, {"version": 1})
        ]
        changes = team_changes_of(self.client, self.database)
        async with asyncio.timeout(RECORDED_SECONDS):
            while last and await changes.count_documents({"$or": last}) < len(last):
                await asyncio.sleep(POLL_SECONDS)


@contextmanager
def server(name: str, uri: str, database: str) -> Iterator[Api]:
    """The server of a side; for the bare driver, this process."""
    if name == BARE:
        yield Api(0, os.getpid())
    elif name == OURS:
        with api(uri, database) as ours:
            yield ours
    else:
        with _node_server(NODE_SERVERS[name], uri, database) as peer:
            yield peer


@asynccontextmanager
async def side(name: str) -> AsyncIterator[Side]:
    """A side with a mongod of its own, prepared as our server prepares it."""
    database = f"bench_{uuid4().hex[:8]}"
    with deployment(None) as uri:
        client = connect(uri, timeout_seconds=30)
        try:
            await prepare_database(client, database)
            mongod_id: int = (await client.admin.command("serverStatus"))["pid"]
            with server(name, uri, database) as running:
                yield Side(
                    name, client, database, running.port or None, running.process_id, mongod_id
                )
        finally:
            await close(client)


def node_problem() -> str | None:
    """Install the packages of the Node servers; the reason if they cannot run."""
    is_installed = shutil.which("node") and (FOLDER / "node_modules").is_dir()
    return None if is_installed else npm_problem(FOLDER, "ci")


@contextmanager
def _node_server(program: str, uri: str, database: str) -> Iterator[Api]:
    environment = os.environ | {"NODE_ENV": "production"}
    command = ["node", program, uri, database]
    with subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Api(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


def _api_call(socket: Connection, kind: str, ids: list[ObjectId]) -> Call:
    query, expected = {
        JOIN: (ADD_USER, ADDED),
        READ_TEAM: (TEAM, b'"memberCount":'),
        READ_TEAMS: (TEAMS, b'"memberCount":'),
    }[kind]

    async def call(number: int) -> None:
        variables: Mapping[str, Any] = {}
        team_id = str(ids[number % len(ids)])
        if kind == JOIN:
            variables = {"input": {"teamId": team_id, "userId": f"user-{number}"}}
        elif kind == READ_TEAM:
            variables = {"id": team_id}
        body = {"query": query, "variables": variables}
        answer = await socket.post("/graphql", orjson.dumps(body))
        if expected not in answer:
            raise RuntimeError(f"Unexpected answer: {answer.decode()}")

    return call


def _bare_call(teams: Collection, kind: str, ids: list[ObjectId]) -> Call:
    if kind == JOIN:
        return bare_join(teams, ids)

    async def read_team(number: int) -> None:
        await teams.find_one({"_id": ids[number % len(ids)], "deletedAt": None}, FIELDS)

    async def read_teams(_number: int) -> None:
        found = teams.find({"deletedAt": None}, FIELDS).sort([("createdAt", 1), ("_id", 1)])
        await found.limit(20).to_list(20)

    return read_team if kind == READ_TEAM else read_teams
