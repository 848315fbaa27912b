"""A real mongod that asks who is there: a replica set of one node with accounts and roles."""

import asyncio
import socket
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from app.embedded.mongod import find_mongod
from tests.harness.waiting import eventually

ADMIN, PASSWORD = "admin", "not-a-secret"
NAME = "secured"

Driver = AsyncIOMotorClient[dict[str, Any]]


def _driver(address: str) -> Driver:
    return AsyncIOMotorClient(address, directConnection=True, serverSelectionTimeoutMS=500)


class Secured:
    """Where it answers, for the administrator and for others."""

    def __init__(self, port: int) -> None:
        self._port = port

    def uri(self, user: str, *, database: str) -> str:
        """The URI of an account that was made in a database, all with one password."""
        return (
            f"mongodb://{user}:{PASSWORD}@127.0.0.1:{self._port}/"
            f"?replicaSet={NAME}&authSource={database}"
        )

    async def run(self, database: str, command: str, value: object, **options: Any) -> Any:
        """The answer to a command that the administrator gives."""
        client: Driver = AsyncIOMotorClient(self.uri(ADMIN, database="admin"))
        try:
            return await client[database].command(command, value, **options)
        finally:
            client.close()


@asynccontextmanager
async def running_secured(folder: Path) -> AsyncIterator[Secured]:
    """A mongod with access control, and an administrator, as long as the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key, data = folder / "key", folder / "data"
    data.mkdir()
    key.write_text("c2hhcmVkIGJ5IHRoZSBub2Rlcw==")
    key.chmod(0o600)
    mongod = await create_subprocess_exec(
        *(str(find_mongod()), "--replSet", NAME, "--auth", "--keyFile", str(key)),
        *("--dbpath", str(data), "--bind_ip", "127.0.0.1", "--port", str(port)),
        *("--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        stdout=DEVNULL,
    )
    address = f"mongodb://127.0.0.1:{port}"
    client = _driver(address)

    async def is_primary() -> bool:
        try:
            hello = await client.admin.command("hello")
        except PyMongoError:
            return False
        return bool(hello["isWritablePrimary"])

    async def answers() -> bool:
        try:
            await client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    try:
        # The node lets whoever comes from its own machine do this, until there is an account.
        await eventually(answers, timeout_seconds=60)
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        await client.admin.command("replSetInitiate", {"_id": NAME, "members": [member]})
        await eventually(is_primary, timeout_seconds=60)
        await client.admin.command("createUser", ADMIN, pwd=PASSWORD, roles=["root"])
        yield Secured(port)
    finally:
        client.close()
        mongod.kill()
        async with asyncio.timeout(20):
            await mongod.wait()
