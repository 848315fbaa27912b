"""Three real mongods as one replica set, whose nodes can be killed and started again."""

import asyncio
import signal
import socket
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from app.embedded.mongod import find_mongod
from tests.harness.waiting import eventually

NAME = "failover"
ELECTION_MILLISECONDS = 1_500
READY_SECONDS = 60
# The time that a stopping node waits for its successor and for operations under way.
QUIESCE_MILLISECONDS = 2_000
ARGUMENTS = (
    *("--replSet", NAME, "--oplogSize", "64"),
    *("--setParameter", "transactionLifetimeLimitSeconds=3"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    *("--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIESCE_MILLISECONDS}"),
)


class Node:
    """One mongod with a folder and a port of its own, and further arguments."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self._arguments = arguments
        self._process: Process | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Starts the process; it needs a moment until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = await create_subprocess_exec(
            *(str(find_mongod()), "--dbpath", str(self._folder), "--bind_ip", "127.0.0.1"),
            *("--port", str(self.port), "--quiet", "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25", *self._arguments),
            stdout=DEVNULL,
        )

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM: a primary steps down, then the process ends."""
        async with asyncio.timeout(READY_SECONDS):
            await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        await self._process.wait()
        self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, to a process that runs."""
        if self._process is not None:
            self._process.send_signal(number)

    async def command(self, name: str, value: object = 1, **options: Any) -> dict[str, Any]:
        """The answer of this node, whatever its role, to a command that needs no account."""
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            self.address, directConnection=True, serverSelectionTimeoutMS=500
        )
        try:
            answer: dict[str, Any] = await client.admin.command(name, value, **options)
        finally:
            client.close()
        return answer

    async def hello(self) -> dict[str, Any]:
        """The node's answer to the `hello` command; empty while it is unreachable."""
        try:
            return await self.command("hello")
        except PyMongoError:
            return {}

    async def answers(self) -> bool:
        return bool(await self.hello())


class ReplicaSet:
    """Three nodes; entered, it has a primary and two secondaries."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / str(number), *ARGUMENTS) for number in range(3)]

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(node.address for node in self.nodes)}/?replicaSet={NAME}"

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(node.start() for node in self.nodes))
            for node in self.nodes:
                await eventually(node.answers, timeout_seconds=READY_SECONDS)
            await self._initiate()
            await self.wait_until_whole()
        except BaseException:
            await self._kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kill()

    async def primary(self) -> Node:
        (primary,) = await self._primaries()
        return primary

    async def kill_primary(self) -> Node:
        """Kills the primary with -9; returns it once another node has taken its place."""
        primary = await self.primary()
        await primary.kill()
        await self.wait_until_replaced(primary)
        return primary

    async def wait_until_replaced(self, primary: Node) -> None:
        """Returns once another node is the primary."""
        others = [node for node in self.nodes if node is not primary]

        async def is_replaced() -> bool:
            answers = await asyncio.gather(*(node.hello() for node in others))
            return any(answer.get("isWritablePrimary") for answer in answers)

        await eventually(is_replaced, timeout_seconds=READY_SECONDS)

    async def step_down(self, seconds: int) -> Node:
        """Asks the primary to step down for so long; returns it once it has."""
        primary = await self.primary()
        await primary.command("replSetStepDown", seconds)
        return primary

    async def keep_primary(self) -> None:
        """Let the primary stay primary even if it does not reach the others for long."""
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(self.uri)
        try:
            config = (await client.admin.command("replSetGetConfig"))["config"]
            config["version"] += 1
            config["settings"]["electionTimeoutMillis"] = 60_000
            await client.admin.command("replSetReconfig", config)
        finally:
            client.close()

    @asynccontextmanager
    async def frozen_secondaries(self) -> AsyncIterator[None]:
        """Pause the secondaries, so that no write is acknowledged by a majority."""
        primaries = await self._primaries()
        secondaries = [node for node in self.nodes if node not in primaries]
        try:
            for node in secondaries:
                node.signal(signal.SIGSTOP)
            yield
        finally:
            for node in secondaries:
                node.signal(signal.SIGCONT)

    async def wait_until_whole(self) -> None:
        """Returns once there are a primary and two secondaries."""

        async def is_whole() -> bool:
            answers = await asyncio.gather(*(node.hello() for node in self.nodes))
            primaries = [answer for answer in answers if answer.get("isWritablePrimary")]
            secondaries = [answer for answer in answers if answer.get("secondary")]
            return (len(primaries), len(secondaries)) == (1, 2)

        await eventually(is_whole, timeout_seconds=READY_SECONDS)

    async def _primaries(self) -> list[Node]:
        answers = await asyncio.gather(*(node.hello() for node in self.nodes))
        return [
            node
            for node, answer in zip(self.nodes, answers, strict=True)
            if answer.get("isWritablePrimary")
        ]

    async def _initiate(self) -> None:
        members = [{"_id": i, "host": node.address} for i, node in enumerate(self.nodes)]
        settings = {"electionTimeoutMillis": ELECTION_MILLISECONDS, "heartbeatIntervalMillis": 500}
        config = {"_id": NAME, "members": members, "settings": settings}
        await self.nodes[0].command("replSetInitiate", config)

    async def _kill(self) -> None:
        await asyncio.gather(*(node.kill() for node in self.nodes))
