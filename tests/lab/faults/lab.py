"""The system that faults are injected into: three nodes and three servers, as real processes."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import app
from app.storage.client import Client as MongoClient
from app.storage.client import close, connect
from tests.harness.replica_set import ReplicaSet
from tests.harness.servers import Server
from tests.lab.faults.network import Network

SERVERS = 3
DATABASE = "lab"
DETOUR = "tests.lab.faults.server_on_a_detour"
OUR_CODE = Path(app.__file__).parent.parent
# For what the lab itself reads; the servers have the limit under test.
READ_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Lab:
    """`network` lies between the first of the servers and the nodes.

    `request_seconds` is the limit that the servers state for a request. `chance` decides what is
    struck where there is a choice.
    """

    replica_set: ReplicaSet
    servers: Sequence[Server]
    network: Network
    mongodb: MongoClient
    request_seconds: float
    chance: random.Random


@asynccontextmanager
async def running_lab(
    folder: Path, *, request_seconds: float, seed: int = 0, code: Path = OUR_CODE
) -> AsyncIterator[Lab]:
    """A lab that is ended in any case. `code` is the parent of the `app` to run."""
    async with AsyncExitStack() as stack:
        replica_set = await stack.enter_async_context(ReplicaSet(folder))
        network = await stack.enter_async_context(Network(replica_set.ports))
        limit = {"REQUEST_TIMEOUT_SECONDS": str(request_seconds)}
        detour = {**limit, **network.environment}
        uri = replica_set.uri
        servers = [
            Server(
                uri,
                DATABASE,
                module=DETOUR,
                folder=str(code),
                **detour,
            ),
            *(Server(uri, DATABASE, folder=str(code), **limit) for _ in range(SERVERS - 1)),
        ]
        for server in servers:
            stack.push_async_callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        mongodb = connect(uri, timeout_seconds=READ_SECONDS)
        stack.push_async_callback(close, mongodb)  # the primary may be silent
        yield Lab(replica_set, servers, network, mongodb, request_seconds, random.Random(seed))
