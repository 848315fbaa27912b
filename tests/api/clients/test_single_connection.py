"""The requests of `graphql-sse` in its single-connection mode, and their bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.api.feeds import events_of
from tests.api.world import new_id
from tests.harness.client import Answer, Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server
from tests.harness.waiting import eventually

FEED = "subscription ($id: ID!) { teamChanges(teamId: $id, afterVersion: 0) { version } }"
TOKEN = "X-GraphQL-Event-Stream-Token"


class Page:
    """A viewer with a stream, reserved and open."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.headers = {TOKEN: token}
        self.events: AsyncIterator[Answer]

    async def post(self, operation_id: object, query: str, **variables: Any) -> httpx.Response:
        """The answer to an operation, whose results come as events."""
        body = {"query": query, "variables": variables, "extensions": {"operationId": operation_id}}
        return await self.http.post("/graphql", json=body, headers=self.headers)

    async def stop(self, operation_id: str) -> httpx.Response:
        """The answer to the end of an operation."""
        url = f"/graphql?operationId={operation_id}"
        return await self.http.delete(url, headers=self.headers)


@asynccontextmanager
async def page(server: Server, viewer: str) -> AsyncIterator[Page]:
    """A page with its stream."""
    async with http_client(base_url=server.url, headers=headers_of(viewer), timeout=15) as http:
        reserved = await http.put("/graphql")
        assert reserved.status_code == 201
        page = Page(http, reserved.text)
        accept = {"Accept": "text/event-stream"}
        async with http.stream("GET", "/graphql", headers={**page.headers, **accept}) as stream:
            assert stream.status_code == 200
            page.events = events_of(stream.aiter_lines())
            yield page


async def test_all_operations_answer_on_one_stream(servers: list[Server], api: Client) -> None:
    team = await api.create_team(new_id())
    async with page(servers[0], "sue") as sue:
        asked = await sue.post("a", "{ viewer { id } }")
        answers = [await anext(sue.events), await anext(sue.events)]
        followed = await sue.post("b", FEED, id=team["id"])
        first = await anext(sue.events)
        again = await sue.post("b", FEED, id=team["id"])
        stopped = await sue.stop("b")
        await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)
        await sue.post("c", "{ viewer { id } }")
        last = await anext(sue.events)

    assert [asked.status_code, followed.status_code, again.status_code] == [202, 202, 409]
    assert stopped.status_code == 200
    assert [event["event"] for event in answers] == ["next", "complete"]
    assert answers[0]["data"] == {"id": "a", "payload": {"data": {"viewer": {"id": "sue"}}}}
    assert answers[1]["data"] == {"id": "a"}
    assert first["data"] == {"id": "b", "payload": {"data": {"teamChanges": {"version": 1}}}}
    assert last["data"]["id"] == "c"


async def test_a_stream_is_its_viewers_alone_and_opened_once(servers: list[Server]) -> None:
    async with page(servers[0], "sue") as sue, page(servers[0], "john") as john:
        twice = await sue.http.get("/graphql", headers={**sue.headers, "Accept": "*/*"})
        john.headers = sue.headers
        anothers = await john.post("a", "{ viewer { id } }")
        unnamed = [await sue.post(id_, "{ viewer { id } }") for id_ in (None, "", 1, "x" * 129)]
        sue.headers = {TOKEN: "unknown"}
        unknown = [await sue.post("a", "{ viewer { id } }"), await sue.stop("a")]

    assert twice.status_code == 409
    assert [answer.status_code for answer in (anothers, *unknown)] == [404] * 3
    assert [answer.status_code for answer in unnamed] == [400] * 4


async def test_a_stream_that_has_ended_leaves_nothing(servers: list[Server], api: Client) -> None:
    viewer = new_id()
    team = await api.create_team(new_id())
    async with page(servers[0], viewer) as gone:
        await gone.post("a", FEED, id=team["id"])
        await anext(gone.events)
    async with http_client(base_url=servers[0].url, headers=headers_of(viewer)) as http:
        gone.http = http

        async def is_forgotten() -> bool:
            return (await gone.post("b", "{ viewer { id } }")).status_code == 404

        await eventually(is_forgotten)
        # 100 reservations are a client's; were one still counted, the last would be refused.
        reserved = [(await http.put("/graphql")).status_code for _ in range(101)]

    assert reserved == [201] * 100 + [429]
