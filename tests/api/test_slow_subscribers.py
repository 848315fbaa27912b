"""A slow subscriber is disconnected with a code and can resume; no other one waits for it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from app.service.hub import BUFFERED_CHANGES
from tests.api.feeds import TEAM_CHANGES, feed
from tests.api.world import new_id
from tests.harness.client import Answer, Client
from tests.harness.servers import Server, running_servers

# Some 12 KB an event: the buffers of both sockets are full after a few hundred.
ALIASES = " ".join(f"a{number}: actorId" for number in range(90))
WIDE_TEAM_CHANGES = f"""
    subscription ($teamId: ID!, $afterVersion: Int) {{
      teamChanges(teamId: $teamId, afterVersion: $afterVersion) {{
        version {ALIASES}
      }}
    }}"""
CHANGES = BUFFERED_CHANGES + 500


@pytest.fixture
async def servers(mongodb_uri: str, empty_database: str) -> AsyncIterator[list[Server]]:
    """Servers that allow such wide operations."""
    async with running_servers(2, mongodb_uri, empty_database, MAX_ALIASES="100") as servers:
        yield servers


@asynccontextmanager
async def _unread_feed(server: Server, team_id: str) -> AsyncIterator[asyncio.StreamReader]:
    """Server-sent events on a socket with a small buffer, of which nothing is read at first."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
    address = urlsplit(server.url)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (address.hostname, address.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
    variables = {"teamId": team_id, "afterVersion": 1}
    body = json.dumps({"query": WIDE_TEAM_CHANGES, "variables": variables})
    writer.write(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "X-User-Id: sue\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's transport
    try:
        yield reader
    finally:
        writer.close()


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[Answer]:
    """The payloads, up to the end of the stream."""
    reader._transport.resume_reading()  # type: ignore[attr-defined]  # as a slow reader goes on
    while line := await reader.readline():
        if line.startswith(b"event: complete"):
            return
        if line.startswith(b"data: {"):
            yield json.loads(line.removeprefix(b"data: "))


async def test_a_slow_subscriber_is_closed_with_a_code_and_resumes_without_a_gap(
    servers: list[Server],
) -> None:
    async with Client(servers[0].url) as api, Client(servers[1].url) as other_api:
        await _cut_off_and_resumed(servers, api, other_api)


async def _cut_off_and_resumed(servers: list[Server], api: Client, other_api: Client) -> None:
    team = await api.create_team()
    rounds = iter(range(CHANGES // 2))
    admin = f"{new_id():x>128}"

    async def come_and_go(user: str) -> None:
        """Two changes a round, of a team that stays small: it has to be over in 30 seconds."""
        for _ in rounds:
            for mutation in ("addUserToTeam", "removeUserFromTeam"):
                await other_api.mutate(mutation, viewer=admin, teamId=team["id"], userId=user)

    async with (
        asyncio.timeout(60),
        _unread_feed(servers[0], team["id"]) as slow,
        feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=1) as prompt,
    ):
        changing = asyncio.gather(*(come_and_go(new_id()) for _ in range(16)))
        everything = [change["version"] for change in await prompt.take(CHANGES)]
        await changing
        payloads = [payload async for payload in _events(slow)]
    *shown, last = payloads
    seen = [payload["data"]["teamChanges"]["version"] for payload in shown]
    async with feed(servers[1], TEAM_CHANGES, teamId=team["id"], afterVersion=seen[-1]) as resumed:
        rest = [change["version"] for change in await resumed.take(CHANGES + 1 - seen[-1])]

    assert everything == list(range(2, CHANGES + 2))
    assert last["errors"][0]["extensions"]["code"] == "SUBSCRIBER_TOO_SLOW"
    assert len(rest) >= BUFFERED_CHANGES
    assert seen + rest == everything
