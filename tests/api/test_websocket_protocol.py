"""`graphql-transport-ws` by the letter: its closing codes, pings, and errors before execution."""

import asyncio

import psutil
import pytest
from websockets.frames import Frame, Opcode

from tests.api.feeds import TEAM_CHANGES
from tests.api.world import new_id
from tests.harness.client import Client
from tests.harness.servers import Server
from tests.harness.subscriber import close_code, connected, receive, send, subscribe

CLOSE_SECONDS = 10


@pytest.mark.parametrize(
    "text",
    [
        *("not JSON", "{}", '"text"', "[]", "null", '{"type": 1}', '{"type": "nonsense"}'),
        *('{"type": "subscribe"}', '{"type": "subscribe", "id": "1"}'),
        '{"type": "subscribe", "id": {}, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": ["{ __typename }"]}',
        '{"type": "complete", "id": []}',
        b"[{}]",
    ],
)
async def test_a_message_that_is_none_closes_with_4400(
    text: str | bytes, servers: list[Server]
) -> None:
    async with connected(servers[0].url) as socket:
        await socket.send(text)

        assert await close_code(socket) == 4400


async def test_text_that_is_no_utf_8_closes_with_1007(servers: list[Server]) -> None:
    logged = len(servers[0].log)
    async with connected(servers[0].url) as socket:
        await socket.send(b"\xff\xfe", text=True)

        assert await close_code(socket) == 1007
    assert b"Traceback" not in servers[0].log[logged:]


async def test_invalid_utf_8_followed_by_a_close_is_no_fault(
    servers: list[Server],
) -> None:
    logged = len(servers[0].log)
    text = Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True)
    goodbye = Frame(Opcode.CLOSE, (1000).to_bytes(2, "big")).serialize(mask=True)
    async with connected(servers[0].url) as socket:
        socket.transport.write(text + goodbye)

        await close_code(socket)
    assert b"Traceback" not in servers[0].log[logged:]


async def test_what_comes_after_the_end_is_no_fault(servers: list[Server]) -> None:
    logged = len(servers[0].log)
    async with connected(servers[0].url) as socket:
        for number in range(20):
            await subscribe(socket, "{ teams { totalCount } }", operation_id=str(number))
        await socket.send("not JSON")
        await socket.send("not JSON")
        await socket.send(b"\xff\xfe", text=True)

        assert await close_code(socket) in {1007, 4400}
    assert b"Traceback" not in servers[0].log[logged:]


async def test_variables_that_are_deeply_nested_are_no_fault(servers: list[Server]) -> None:
    nested = "[" * 900 + "]" * 900
    query = '{"query": "{ __typename }", "variables": {"unused": %s}}' % nested  # noqa: UP031
    async with connected(servers[0].url) as socket:
        await socket.send('{"type": "subscribe", "id": "1", "payload": %s}' % query)  # noqa: UP031
        answer = await receive(socket)

    assert answer["payload"]["data"] == {"__typename": "Query"}


async def test_a_peer_that_pings_and_reads_nothing_takes_no_memory(servers: list[Server]) -> None:
    process = psutil.Process(servers[0].pid)
    pings = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 1_000
    async with connected(servers[0].url) as socket:
        socket.transport.pause_reading()
        before = process.memory_info().rss
        for _ in range(200):
            socket.transport.write(pings)
            async with asyncio.timeout(CLOSE_SECONDS):
                while socket.transport.get_write_buffer_size():
                    await asyncio.sleep(0.001)

        assert process.memory_info().rss - before < 10_000_000


async def test_subscribing_before_connection_init_closes_with_4401(servers: list[Server]) -> None:
    async with connected(servers[0].url, init=False) as socket:
        await subscribe(socket, "{ __typename }")

        assert await close_code(socket) == 4401


async def test_an_operation_id_that_is_in_use_closes_with_4409(
    servers: list[Server], api: Client
) -> None:
    team = await api.create_team()
    async with connected(servers[0].url) as socket:
        await subscribe(socket, TEAM_CHANGES, teamId=team["id"])
        await subscribe(socket, TEAM_CHANGES, teamId=team["id"])

        assert await close_code(socket) == 4409


async def test_a_second_connection_init_closes_with_4429(servers: list[Server]) -> None:
    async with connected(servers[0].url) as socket:
        await send(socket, type="connection_init")

        assert await close_code(socket) == 4429


async def test_a_ping_is_answered_before_and_after_connection_init(servers: list[Server]) -> None:
    async with connected(servers[0].url, init=False) as socket:
        await send(socket, type="ping")
        before = await receive(socket)
        await send(socket, type="connection_init")
        acknowledged = await receive(socket)
        await send(socket, type="pong")
        await send(socket, type="ping", payload={"any": "thing"})
        after = await receive(socket)

    assert [m["type"] for m in (before, acknowledged, after)] == ["pong", "connection_ack", "pong"]


async def test_an_operation_that_is_completed_by_the_client_sends_nothing_more(
    servers: list[Server], api: Client
) -> None:
    team = await api.create_team()
    async with connected(servers[0].url) as socket:
        await subscribe(socket, TEAM_CHANGES, operation_id="old", teamId=team["id"], afterVersion=0)
        assert (await receive(socket))["id"] == "old"
        await send(socket, id="old", type="complete")
        await subscribe(socket, TEAM_CHANGES, operation_id="new", teamId=team["id"], afterVersion=0)
        await api.mutate("addUserToTeam", teamId=team["id"], userId=new_id())
        messages = [await receive(socket) for _ in range(2)]

    assert [message["id"] for message in messages] == ["new", "new"]


async def test_two_feeds_on_one_connection_do_not_disturb_each_other(
    servers: list[Server], api: Client
) -> None:
    red, blue = await api.create_team(), await api.create_team()
    async with connected(servers[0].url) as socket:
        await subscribe(socket, TEAM_CHANGES, operation_id="red", teamId=red["id"], afterVersion=0)
        await subscribe(
            socket, TEAM_CHANGES, operation_id="blue", teamId=blue["id"], afterVersion=0
        )
        await api.mutate("deleteTeam", teamId=red["id"], expectedVersion=1)
        messages = [await receive(socket) for _ in range(4)]
        await api.mutate("addUserToTeam", teamId=blue["id"], userId=new_id())
        live = await receive(socket)

    assert sorted((m["id"], m["type"]) for m in messages) == [
        ("blue", "next"),
        *[("red", "complete"), ("red", "next"), ("red", "next")],
    ]
    assert (live["id"], live["payload"]["data"]["teamChanges"]["version"]) == ("blue", 2)


async def test_an_invalid_document_is_an_error_of_its_operation_only(servers: list[Server]) -> None:
    async with connected(servers[0].url) as socket:
        await subscribe(socket, "subscription { nothing }", operation_id="bad")
        error = await receive(socket)
        await subscribe(socket, "{ __typename }", operation_id="good")
        answer = await receive(socket)

    assert (error["type"], error["id"]) == ("error", "bad")
    assert error["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert answer["payload"]["data"] == {"__typename": "Query"}
