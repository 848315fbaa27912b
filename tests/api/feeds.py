"""Subscriptions of one operation each, over either transport."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from tests.harness.client import Answer, Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive, subscribe
from tests.harness.waiting import eventually

CHANGE = """
  __typename teamId version at actorId cursor team { id version }
  ... on TeamCreated { name } ... on TeamRenamed { name setsCapacity capacity }
  ... on UserJoinedTeam { user { id } fromTeamId } ... on UserLeftTeam { user { id } toTeamId }
  ... on HistoryGap { fromVersion }
"""
TEAM_CHANGES = (
    "subscription ($teamId: ID!, $afterVersion: Int)"
    f"{{ teamChanges(teamId: $teamId, afterVersion: $afterVersion) {{ {CHANGE} }} }}"
)
ALL_TEAM_CHANGES = (
    f"subscription ($after: String) {{ allTeamChanges(after: $after) {{ {CHANGE} }} }}"
)
USER_TEAM = "subscription ($userId: ID!) { userTeam(userId: $userId) { id team { id version } } }"

OpenFeed = Callable[..., AbstractAsyncContextManager["Feed"]]


class Feed:
    """The messages of one operation, by their types in `graphql-transport-ws`."""

    def __init__(self, message: Callable[[], Awaitable[Answer]]) -> None:
        self.message = message

    async def next(self) -> Answer:
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (event,) = message["payload"]["data"].values()
        found: Answer = event
        return found

    async def take(self, count: int) -> list[Answer]:
        return [await self.next() for _ in range(count)]

    async def error(self) -> Answer:
        """The extensions of the error that the operation ends with, at once or after events."""
        while True:
            message = await self.message()
            refused = message["type"] == "error"
            errors = message["payload"] if refused else message["payload"].get("errors")
            if errors:
                found: Answer = errors[0]["extensions"]
                return found


@asynccontextmanager
async def feed(server: Server, query: str, **variables: Any) -> AsyncIterator[Feed]:
    """One operation on a WebSocket of its own."""
    async with connected(server.url) as socket:
        await subscribe(socket, query, **variables)
        yield Feed(partial(receive, socket))


@asynccontextmanager
async def sse_feed(server: Server, query: str, **variables: Any) -> AsyncIterator[Feed]:
    """One operation whose results come as server-sent events."""
    body = {"query": query, "variables": variables}
    headers = {"Accept": "text/event-stream"}
    async with (
        http_client(base_url=server.url, timeout=15, headers=headers_of()) as http,
        http.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = events_of(response.aiter_lines())

        async def message() -> Answer:
            event = await anext(events)
            return {"type": event["event"], "payload": event["data"]}

        yield Feed(message)


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[Answer]:
    event: Answer = {}
    async for line in lines:
        if not line and event:
            yield event
            event = {}
        elif line.startswith("event:"):
            event["event"] = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            event["data"] = json.loads(data) if data else None


async def history_of(api: Client, id_: str, *, of: str = "team", **page: Any) -> Answer:
    """A page of the history of a team, or of a user."""
    query = (
        "query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String,"
        f" $newestFirst: Boolean! = false) {{ {of}(id: $id) {{ history("
        "first: $first, after: $after, last: $last, before: $before, newestFirst: $newestFirst)"
        f"{{ edges {{ cursor node {{ {CHANGE} }} }} "
        "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"
    )
    found: Answer = (await api.execute(query, {"id": id_, **page}))[of]["history"]
    return found


async def until_recorded(api: Client, team_id: str, version: int) -> None:
    """Returns once the team's history reaches a version."""

    async def is_recorded() -> bool:
        edges = (await history_of(api, team_id, first=1, newestFirst=True))["edges"]
        return bool(edges) and edges[0]["node"]["version"] >= version

    await eventually(is_recorded)
