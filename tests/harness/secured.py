"""A mongod with access control: a replica set of one node with accounts and roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from tests.harness.replica_set import Node
from tests.harness.waiting import eventually

ADMIN, PASSWORD = "admin", "not-a-secret"
NAME = "secured"

Driver = AsyncIOMotorClient[dict[str, Any]]


class Secured:
    """Its URIs, for the administrator and for other accounts."""

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
    key = folder / "key"
    key.write_text("c2hhcmVkIGJ5IHRoZSBub2Rlcw==")
    key.chmod(0o600)
    node = Node(
        folder / "data", *("--replSet", NAME, "--auth", "--keyFile", str(key), "--oplogSize", "64")
    )

    async def is_primary() -> bool:
        return bool((await node.hello()).get("isWritablePrimary"))

    await node.start()
    try:
        # MongoDB's localhost exception: allowed without signing in until there is an account.
        await eventually(node.answers, timeout_seconds=60)
        member = {"_id": 0, "host": node.address}
        await node.command("replSetInitiate", {"_id": NAME, "members": [member]})
        await eventually(is_primary, timeout_seconds=60)
        await node.command("createUser", ADMIN, pwd=PASSWORD, roles=["root"])
        yield Secured(node.port)
    finally:
        await node.kill()
