"""Limits of connections and subscriptions per client."""

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import httpx
import psutil
from websockets.exceptions import ConnectionClosed

from tests.api.feeds import USER_TEAM
from tests.api.world import new_id, own_server
from tests.harness.client import Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.subscriber import close_code, connected, receive, send, subscribe
from tests.harness.waiting import eventually

PER_USER = 5
PER_CONNECTION = 4
ANSWER_SECONDS = 5.0
TOO_MANY = 4429

SPARE_BYTES = 60_000_000


server = own_server(
    MAX_CONNECTIONS_PER_USER=str(PER_USER), MAX_SUBSCRIPTIONS_PER_CONNECTION=str(PER_CONNECTION)
)


async def hold(stack: AsyncExitStack, server: Server, user: str, count: int) -> list[Any]:
    """WebSockets of a user whose `connection_init` was acknowledged."""
    headers = {"X-User-Id": user}
    return [
        await stack.enter_async_context(connected(server.url, headers=headers))
        for _ in range(count)
    ]


async def has_room(stack: AsyncExitStack, server: Server, user: str) -> bool:
    """True if the user can open another one, which is kept open."""
    (socket,) = await hold(stack, server, user, 1)
    await send(socket, type="ping")
    with suppress(ConnectionClosed):
        return bool((await receive(socket))["type"] == "pong")
    return False


async def test_websockets_per_user_are_limited(server: Server) -> None:
    sue, john = new_id(), new_id()
    async with AsyncExitStack() as stack:
        sockets = await hold(stack, server, sue, PER_USER)
        (late,) = await hold(stack, server, sue, 1)
        code = await close_code(late)
        await hold(stack, server, john, 1)
        await sockets[0].close()
        await subscribe(sockets[1], "{ __typename }")
        answer = await receive(sockets[1])

        await eventually(partial(has_room, stack, server, sue))

    assert code == TOO_MANY
    assert answer["payload"]["data"] == {"__typename": "Query"}


async def test_event_streams_count_as_connections(server: Server) -> None:
    sue = new_id()
    body = {"query": USER_TEAM, "variables": {"userId": sue}}
    headers = {"Accept": "text/event-stream", "X-User-Id": sue}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            http_client(base_url=server.url, timeout=15, headers=headers_of())
        )
        await hold(stack, server, sue, PER_USER - 1)
        stream = http.stream("POST", "/graphql", json=body, headers=headers)
        opened = await stack.enter_async_context(stream)
        await anext(opened.aiter_lines())

        refused = await http.post("/graphql", json=body, headers=headers)
        query = await http.post(
            "/graphql", json={"query": "{ __typename }"}, headers={"X-User-Id": sue}
        )

    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"] == {
        "code": "TOO_MANY_CONNECTIONS",
        "limit": PER_USER,
        "found": PER_USER + 1,
    }
    assert query.json() == {"data": {"__typename": "Query"}}


async def test_event_streams_that_start_together_are_counted(server: Server) -> None:
    sue = new_id()
    body = {"query": USER_TEAM, "variables": {"userId": sue}}
    headers = {"Accept": "text/event-stream", "X-User-Id": sue}

    async def first_event(http: httpx.AsyncClient) -> str:
        """The first event of a stream that is kept open until all have one."""
        stream = http.stream("POST", "/graphql", json=body, headers=headers)
        opened = await stack.enter_async_context(stream)
        event = b""
        async with asyncio.timeout(ANSWER_SECONDS):
            async for part in opened.aiter_bytes():
                event += part
                if b"data:" in event or b"errors" in event:
                    break
        return event.decode()

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client(base_url=server.url, timeout=15))
        events = await asyncio.gather(*(first_event(http) for _ in range(PER_USER * 4)))

    refused = [event for event in events if "TOO_MANY_CONNECTIONS" in event]
    assert len(refused) == PER_USER * 3


async def test_a_stream_with_a_pipelined_request_ends_with_its_connection(server: Server) -> None:
    sue = new_id()
    head = f"Host: localhost\r\nX-User-Id: {sue}\r\nAccept: text/event-stream\r\n\r\n".encode()
    stream = b"GET /graphql?query=subscription%7BallTeamChanges%7Bversion%7D%7D HTTP/1.1\r\n" + head
    for _ in range(PER_USER):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(stream + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with AsyncExitStack() as stack:
        await eventually(partial(has_room, stack, server, sue))


async def test_a_completed_stream_no_longer_counts(server: Server) -> None:
    sue = new_id()
    headers = {"Accept": "text/event-stream", "X-User-Id": sue}

    async with http_client(base_url=server.url, timeout=15, headers=headers_of()) as http:
        responses = [
            await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
            for _ in range(PER_USER * 2)
        ]

    assert {response.status_code for response in responses} == {200}


async def test_subscriptions_per_connection_are_limited(server: Server) -> None:
    sue = new_id()
    async with connected(server.url, headers={"X-User-Id": sue}) as socket:
        for number in range(PER_CONNECTION + 1):
            await subscribe(socket, USER_TEAM, operation_id=str(number), userId=sue)
        messages = [await receive(socket) for _ in range(PER_CONNECTION + 1)]
        await send(socket, type="complete", id="0")
        await subscribe(socket, USER_TEAM, operation_id="again", userId=sue)
        again = await receive(socket)

    (error,) = (message for message in messages if message["type"] == "error")
    assert error["id"] == str(PER_CONNECTION)
    assert error["payload"][0]["extensions"] == {
        "code": "TOO_MANY_SUBSCRIPTIONS",
        "limit": PER_CONNECTION,
        "found": PER_CONNECTION + 1,
    }
    assert (again["type"], again["id"]) == ("next", "again")


async def test_a_burst_of_subscriptions_does_not_affect_other_users(
    server: Server,
) -> None:
    sue = new_id()
    process = psutil.Process(server.pid)
    before = process.memory_info().rss

    async def storm() -> int:
        """The number of subscriptions that one socket gets."""
        accepted = 0
        with suppress(ConnectionClosed):
            async with connected(server.url, headers={"X-User-Id": sue}) as socket:
                for number in range(200):
                    await subscribe(socket, USER_TEAM, operation_id=str(number), userId=sue)
                for _ in range(200):
                    accepted += (await receive(socket))["type"] == "next"
                await is_over.wait()
        return accepted

    is_over = asyncio.Event()
    storms = [asyncio.create_task(storm()) for _ in range(50)]
    async with Client(server.url, timeout_seconds=ANSWER_SECONDS) as client:
        for _ in range(20):
            await client.execute("{ teams { totalCount } }", viewer="john")
    async with connected(server.url, headers={"X-User-Id": "john"}) as socket:
        await subscribe(socket, USER_TEAM, userId="john")
        event = await receive(socket)
    is_over.set()
    accepted = await asyncio.gather(*storms)

    assert event["payload"]["data"]["userTeam"]["id"] == "john"
    assert PER_CONNECTION <= sum(accepted) <= PER_USER * PER_CONNECTION
    assert process.memory_info().rss - before < SPARE_BYTES


async def test_messages_beside_a_subscription_take_no_memory(server: Server) -> None:
    process = psutil.Process(server.pid)
    # 800 KB of text, of which Python would keep 16 MB for each message. Each connection has the
    # text of its last message, twice: the protocol's parser and the reader of its messages.
    chaff: list[list[int]] = [[]] * 200_000

    async with AsyncExitStack() as stack:

        async def subscribe_with_chaff() -> None:
            headers = {"X-User-Id": new_id()}
            socket = await stack.enter_async_context(
                connected(server.url, init=False, headers=headers)
            )
            await send(socket, type="connection_init", payload={"chaff": chaff})
            await receive(socket)
            await subscribe(socket, USER_TEAM, userId="sue", chaff=chaff)
            await receive(socket)

        for _ in range(4):  # what the process needs for one message, and keeps for the next
            await subscribe_with_chaff()
        before = process.memory_info().rss
        for _ in range(8):
            await subscribe_with_chaff()
        grown = process.memory_info().rss - before

    assert grown < 8 * 8_000_000
