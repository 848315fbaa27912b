"""Runs of the two implementations: servers and clients, from their start to their end."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from app.storage.client import close, connect
from tests.lab.processes import RunFailed, running, settings_of
from tests.lab.race.clients import ClassicClients, Clients, OurClients
from tests.lab.race.display import Display
from tests.lab.race.fight import Fight
from tests.lab.race.violations import Violations
from tests.lab.race.workload import TEAMS

DATABASE_SECONDS = 10


@dataclass(frozen=True)
class Ring:
    """The conditions that both implementations share; `seconds` is the time of each."""

    uri: str
    steps_folder: Path
    servers: int
    clients: int
    users: int
    seed: int
    seconds: float


@dataclass(frozen=True)
class Fought:
    """A fight that is over, and the steps of each server."""

    fight: Fight
    steps: Sequence[Path]


def race_classic(ring: Ring, database: str, display: Display) -> Fought:
    """The classic code on a plain collection. *Raises*: `RunFailed`."""
    ids = {name: ObjectId() for name in TEAMS}
    with MongoClient[dict[str, object]](ring.uri) as client:
        client[database]["teams"].insert_many(
            [{"_id": id_, "name": name, "userIds": []} for name, id_ in ids.items()]
        )
    steps = _step_paths(ring, "classic")
    display.say(f"Starting the servers of the classic code: {ring.servers}.")
    commands = [["tests.lab.race.classic", ring.uri, database, str(path)] for path in steps]
    with running(commands) as servers:
        team_ids = {name: str(id_) for name, id_ in ids.items()}
        clients = ClassicClients.open([each.port for each in servers], ring.clients, team_ids)
        return Fought(_fight("classic code", ring, database, clients, display), steps)


def race_ours(ring: Ring, database: str, display: Display) -> Fought:
    """Team Joiner. *Raises*: `RunFailed`."""
    steps = _step_paths(ring, "ours")
    display.say(f"Starting the servers of Team Joiner: {ring.servers}.")
    commands = [["tests.lab.race.api_server", str(path)] for path in steps]
    with running(commands, settings_of(ring.uri, database)) as servers:
        clients = OurClients.open([each.port for each in servers], ring.clients)
        return Fought(_fight("Team Joiner", ring, database, clients, display), steps)


def _step_paths(ring: Ring, name: str) -> list[Path]:
    paths = [ring.steps_folder / f"{name}-{server}.jsonl" for server in range(ring.servers)]
    for path in paths:
        path.touch()
    return paths


def _fight(
    title: str,
    ring: Ring,
    database: str,
    opening: AbstractAsyncContextManager[Clients],
    display: Display,
) -> Fight:
    async def run() -> Fight:
        client = connect(ring.uri, timeout_seconds=DATABASE_SECONDS)
        try:
            fight = Fight(title, Violations(client, database), seconds=ring.seconds)
            async with opening as clients:
                display.add(fight)
                await fight.run(
                    clients,
                    count=ring.clients,
                    users=ring.users,
                    seed=ring.seed,
                    tick=display.tick,
                )
            return fight
        finally:
            await close(client)

    try:
        return asyncio.run(run())
    except* (RunFailed, OSError, PyMongoError, httpx.TransportError) as failures:
        raise RunFailed(f"The race could not go on: {_first(failures)!r}") from failures


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
