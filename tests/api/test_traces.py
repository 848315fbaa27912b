"""Traces as an OTLP collector receives them."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.world import new_id
from tests.harness.client import Client, headers_of
from tests.harness.collector import Collector, Span, running_collector
from tests.harness.commands import run_command
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, send, subscribe

QUICKLY = {"OTEL_BSP_SCHEDULE_DELAY": "100"}


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
async def server(mongodb_uri: str, collector: Collector) -> AsyncIterator[Server]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **QUICKLY}
    async with running_servers(1, mongodb_uri, new_id("test"), **settings) as servers:
        yield servers[0]


def new_trace() -> tuple[str, str, dict[str, str]]:
    """A caller's trace: its id, the id of the caller's span, and the header."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01"}


async def post(server: Server, headers: dict[str, str], query: str, **variables: Any) -> None:
    async with http_client(base_url=server.url, headers=headers_of()) as http:
        await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def child_of(spans: list[Span], parent_id: str) -> Span:
    (child,) = (span for span in spans if span.parent_id == parent_id)
    return child


async def test_a_request_is_traced_from_the_caller_to_the_database_command(
    server: Server, collector: Collector
) -> None:
    trace_id, caller, headers = new_trace()

    query = "mutation Make($input: CreateTeamInput!) { createTeam(input: $input) { __typename } }"
    await post(server, headers, query, input={"name": "Red"})

    spans = await collector.trace(trace_id, 4)
    http = child_of(spans, caller)
    operation = child_of(spans, http.span_id)
    field = child_of(spans, operation.span_id)
    command = child_of(spans, field.span_id)
    assert [http.name, operation.name, field.name, command.name] == [
        "POST /graphql",
        "mutation Make",
        "createTeam",
        "insert teams",
    ]
    assert http.service == "team-joiner"
    assert http.attributes["http.response.status_code"] == 200
    assert operation.attributes["team_joiner.outcome"] == "success"
    assert command.attributes["db.system.name"] == "mongodb"
    assert not any(span.is_error for span in spans)


async def test_fields_below_the_root_have_no_spans(server: Server, collector: Collector) -> None:
    trace_id, _, headers = new_trace()

    await post(server, headers, "{ a: viewer { id } b: teams { edges { node { id name } } } }")

    # The second find is of the teams without a place in the list's order.
    names = [span.name for span in await collector.trace(trace_id, 6)]
    assert sorted(names) == ["POST /graphql", *["find teams"] * 2, "query", "teams", "viewer"]


async def test_the_span_of_an_operation_has_its_outcome(
    server: Server, collector: Collector
) -> None:
    trace_id, _, headers = new_trace()

    await post(server, headers, 'query Wrong { user(id: "") { id } }')

    operation = next(
        span for span in await collector.trace(trace_id, 3) if span.name == "query Wrong"
    )
    assert operation.attributes["team_joiner.outcome"] == "INVALID_INPUT"
    assert not operation.is_error


async def test_operations_on_a_websocket_are_children_of_its_caller(
    server: Server, collector: Collector
) -> None:
    trace_id, caller, headers = new_trace()

    async with connected(server.url, headers={**headers_of(), **headers}) as socket:
        await subscribe(socket, "query One { viewer { id } }", operation_id="1")
        await receive(socket)
        await receive(socket)
        query = 'subscription Mine { userTeam(userId: "sue") { id } }'
        await subscribe(socket, query, operation_id="2")
        await receive(socket)
        await send(socket, type="complete", id="2")
        spans = await collector.trace(trace_id, 3)

    operations = {span.name: span for span in spans if span.parent_id == caller}
    assert set(operations) == {"query One", "subscription Mine"}
    assert operations["subscription Mine"].attributes["team_joiner.outcome"] == "cancelled"


async def test_no_user_document_or_variable_gets_into_a_trace(
    server: Server, collector: Collector
) -> None:
    trace_id, _, headers = new_trace()
    names = [new_id(kind) for kind in ("viewer", "team", "document")]

    alias = names[2].replace("-", "_")
    query = f"mutation($i: CreateTeamInput!) {{ {alias}: createTeam(input: $i) {{ __typename }} }}"
    await post(server, {**headers, "X-User-Id": names[0]}, query, i={"name": names[1]})
    await collector.trace(trace_id, 4)

    for name in names:
        assert name.encode() not in collector.raw
        assert name.replace("-", "_").encode() not in collector.raw


async def test_background_work_has_no_traces(server: Server, collector: Collector) -> None:
    del server

    assert {span.name for span in collector.spans if span.parent_id == ""} <= {
        "POST /graphql",
        "GET /graphql",
    }


async def test_pending_spans_are_sent_at_the_end(mongodb_uri: str) -> None:
    trace_id, _, headers = new_trace()
    async with running_collector() as collector:
        slowly = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
        async with running_servers(1, mongodb_uri, new_id("test"), **slowly) as (server,):
            await post(server, headers, "{ viewer { id } }")
            before = list(collector.spans)

        assert before == []
        assert len(await collector.trace(trace_id, 3)) == 3


async def test_an_unreachable_collector_does_not_affect_the_server(mongodb_uri: str) -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **QUICKLY}
    async with running_servers(1, mongodb_uri, new_id("test"), **settings) as (server,):
        async with Client(server.url) as client:
            team = await client.create_team()
        status = await server.stop()

    assert team["version"] == 1
    assert status == 0


async def test_an_exporter_without_its_packages_is_reported(
    tmp_path: Any,
) -> None:
    # A package of that name without an SDK, which shadows the installed one.
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()

    ended = await run_command(
        "serve",
        PYTHONPATH=str(tmp_path),
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318",
    )

    assert ended.status == 2
    assert "team-joiner[telemetry]" in ended.output
    assert "Traceback" not in ended.output
