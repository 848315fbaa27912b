"""A subscriber to one team's changes over WebSocket that loses its connection and resumes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.harness.client import headers_of

PROTOCOL = "graphql-transport-ws"
CLOSE_SECONDS = 10

TEAM_CHANGES = """
subscription ($teamId: ID!, $afterVersion: Int) {
  teamChanges(teamId: $teamId, afterVersion: $afterVersion) { __typename version }
}
"""


@asynccontextmanager
async def connected(
    url: str, *, init: bool = True, headers: dict[str, str] | None = None
) -> AsyncIterator[ClientConnection]:
    """An open connection to a server, by default after `connection_init`."""
    address = url.replace("http://", "ws://") + "/graphql"
    async with connect(
        address,
        subprotocols=[PROTOCOL],  # type: ignore[list-item]  # a NewType of str
        additional_headers=headers_of() if headers is None else headers,
        close_timeout=1,
    ) as socket:
        if init:
            await send(socket, type="connection_init")
            assert (await receive(socket))["type"] == "connection_ack"
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection, *, timeout_seconds: float = 15) -> dict[str, Any]:
    async with asyncio.timeout(timeout_seconds):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def close_code(socket: ClientConnection) -> int | None:
    """The close code of the server; messages before it are ignored."""
    async with asyncio.timeout(CLOSE_SECONDS):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


async def subscribe(
    socket: ClientConnection, query: str, *, operation_id: str = "1", **variables: Any
) -> None:
    payload = {"query": query, "variables": variables}
    await send(socket, id=operation_id, type="subscribe", payload=payload)


class Subscriber:
    """Follows a team from its first version on, over as many connections as it takes."""

    def __init__(self, urls: list[str], team_id: str) -> None:
        self._urls = urls
        self.team_id = team_id
        self._socket: ClientConnection | None = None
        self._connections = 0
        self.versions: list[int] = []
        self.kinds: list[str] = []
        self.errors: list[object] = []

    @property
    def last_version(self) -> int:
        return self.versions[-1] if self.versions else 0

    async def follow(self) -> None:
        while True:
            url = self._urls[self._connections % len(self._urls)]
            self._connections += 1
            try:
                async with asyncio.timeout(None), connected(url) as self._socket:
                    if await self._follow(self._socket):
                        return
            except (OSError, WebSocketException, TimeoutError):
                pass
            await asyncio.sleep(0.05)  # the server may be on its way up

    async def _follow(self, socket: ClientConnection) -> bool:
        after = self.last_version
        await subscribe(socket, TEAM_CHANGES, teamId=self.team_id, afterVersion=after)
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "complete":
                return not self.errors
            if message["type"] not in ("next", "error"):
                continue
            payload = message["payload"]
            if errors := payload if message["type"] == "error" else payload.get("errors"):
                if errors[0]["extensions"]["code"] != "DATABASE_UNAVAILABLE":
                    self.errors.append(errors)
                return False
            change = payload["data"]["teamChanges"]
            self.versions.append(change["version"])
            self.kinds.append(change["__typename"])
        return False

    def drop(self) -> None:
        """Cuts the connection without a close frame."""
        if self._socket is not None:
            self._socket.transport.abort()
