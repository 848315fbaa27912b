"""The requests that clients for browsers send, byte for byte where it matters."""

import json

import httpx
import pytest

from tests.api.world import new_id
from tests.harness.client import Answer, Client
from tests.harness.servers import Server
from tests.harness.subscriber import connected, receive

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)
APOLLO = (
    'multipart/mixed;boundary="graphql";subscriptionSpec="1.0",'
    "application/graphql-response+json,application/json;q=0.9"
)
SSE = "text/event-stream"
FEED = "subscription ($id: ID!) { teamChanges(teamId: $id, afterVersion: 0) { version } }"
CREATE = 'mutation { createTeam(input: {name: "A"}) { ... on CreateTeamSuccess { replayed } } }'
QUERY = "{ viewer { id } }"


async def _whole_feed(http: httpx.AsyncClient, api: Client, accept: str) -> httpx.Response:
    """The answer to a subscription to a team that has been deleted, to its end."""
    team = await api.create_team(new_id())
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)
    body = {"query": FEED, "variables": {"id": team["id"]}}
    return await http.post("/graphql", json=body, headers={"Accept": accept})


@pytest.mark.parametrize("document", [QUERY, CREATE, "query subscription { viewer { id } }", "{"])
@pytest.mark.parametrize("accept", [URQL, APOLLO, f"{SSE}, */*", f"{SSE}, application/json"])
async def test_queries_and_mutations_are_answered_in_json_beside_streams(
    http: httpx.AsyncClient, document: str, accept: str
) -> None:
    response = await http.post("/graphql", json={"query": document}, headers={"Accept": accept})

    assert response.headers["Content-Type"].endswith("json")
    assert response.json().keys() & {"data", "errors"}


async def test_a_query_is_streamed_to_a_client_that_accepts_nothing_else(
    http: httpx.AsyncClient,
) -> None:
    response = await http.post("/graphql", json={"query": QUERY}, headers={"Accept": SSE})

    assert response.text == (
        'event: next\ndata: {"data":{"viewer":{"id":"root"}}}\n\nevent: complete\ndata: \n\n'
    )


@pytest.mark.parametrize("accept", [URQL, SSE, f"application/json, {SSE};q=0.1", f"*/*, {SSE}"])
async def test_subscriptions_are_events_whose_lines_end_with_a_line_feed(
    http: httpx.AsyncClient, api: Client, accept: str
) -> None:
    response = await _whole_feed(http, api, accept)

    assert response.headers["Content-Type"].startswith(SSE)
    assert (
        response.text
        == "".join(
            f'event: next\ndata: {{"data":{{"teamChanges":{{"version":{version}}}}}}}\n\n'
            for version in (1, 2)
        )
        + "event: complete\ndata: \n\n"
    )


async def test_apollos_subscriptions_are_parts_in_an_envelope(
    http: httpx.AsyncClient, api: Client
) -> None:
    response = await _whole_feed(http, api, APOLLO)

    assert response.headers["Content-Type"].startswith("multipart/mixed;boundary=graphql;")
    parts = _parts(response.text)
    versions = [part["payload"]["data"]["teamChanges"]["version"] for part in parts if part]
    assert versions == [1, 2]


async def test_an_apollo_subscription_is_refused_in_an_envelope(http: httpx.AsyncClient) -> None:
    body = {"query": FEED, "variables": {"id": "0" * 24}}
    response = await http.post("/graphql", json=body, headers={"Accept": APOLLO})

    (part,) = filter(None, _parts(response.text))
    assert part["payload"]["errors"][0]["extensions"]["code"] == "TEAM_NOT_FOUND"


async def test_relays_request_by_fetch_is_answered_in_json(http: httpx.AsyncClient) -> None:
    response = await http.post(
        "/graphql",
        content=b'{"query":"query { viewer { id } }","variables":{}}',
        headers={"Accept": "*/*", "Content-Type": "application/json", "Sec-Fetch-Mode": "cors"},
    )

    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json() == {"data": {"viewer": {"id": "root"}}}


async def test_the_messages_of_graphql_ws_are_answered_in_its_protocol(
    servers: list[Server], api: Client
) -> None:
    team = await api.create_team(new_id())
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)
    operation_id = "1f6cbd6e-4a4b-4e3a-9a51-1e4e6c0e1f0d"
    asked = json.dumps({"query": FEED, "variables": {"id": team["id"]}}, separators=(",", ":"))

    async with connected(servers[0].url, init=False, headers={}) as socket:
        await socket.send(
            '{"type":"connection_init","payload":{"X-User-Id":"root","X-User-Role":"admin"}}'
        )
        await socket.send(f'{{"id":"{operation_id}","type":"subscribe","payload":{asked}}}')
        answers = [await receive(socket) for _ in range(4)]

    assert answers == [
        {"type": "connection_ack"},
        *(
            {
                "id": operation_id,
                "type": "next",
                "payload": {"data": {"teamChanges": {"version": version}}},
            }
            for version in (1, 2)
        ),
        {"id": operation_id, "type": "complete"},
    ]


def _parts(body: str) -> list[Answer]:
    """The parts as RFC 2046 frames them; heartbeats are empty objects."""
    first, *rest = f"\r\n{body}".split("\r\n--graphql")
    assert (first, rest.pop()) == ("", "--\r\n")
    return [json.loads(part.split("\r\n\r\n", 1)[1]) for part in rest]
