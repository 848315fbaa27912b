"""The JSON log: one line per operation, and no personal data."""

import json
from typing import Any

import pytest

from tests.api.world import new_id, own_server
from tests.harness.client import Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, send, subscribe
from tests.harness.waiting import eventually

server = own_server(LOG_FORMAT="json", LOG_LEVEL="debug")


def lines_of(server: Server) -> list[dict[str, Any]]:
    """Every line of the log so far; fails if one is not JSON."""
    complete = bytes(server.log).rpartition(b"\n")[0]
    return [json.loads(line) for line in complete.splitlines()]


async def line_of(server: Server, request_id: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        lines = (line for line in lines_of(server) if "outcome" in line)
        return [line for line in lines if line.get("request_id") == request_id]

    async def is_logged() -> bool:
        return bool(found())

    await eventually(is_logged)
    (line,) = found()
    return line


async def logged(server: Server, query: str, **headers: str) -> dict[str, Any]:
    """The line for a query."""
    headers["X-Request-Id"] = request_id = new_id("request")
    async with http_client(base_url=server.url, headers=headers) as http:
        await http.post("/graphql", json={"query": query})
    return await line_of(server, request_id)


async def test_a_client_cannot_fill_the_log_with_a_name(server: Server) -> None:
    line = await logged(server, f"query {'x' * 50_000} {{ viewer {{ id }} }}")

    assert (line["operation"], line["outcome"]) == ("x" * 100, "success")
    assert len(line["message"]) < 200


async def test_an_operation_is_logged_in_one_line_with_outcome_and_duration(
    server: Server,
) -> None:
    line = await logged(server, "query Board { viewer { id } }")

    assert 0 < line["duration_ms"] < 5_000
    assert line == {
        "time": line["time"],
        "level": "info",
        "logger": "app.monitoring.operation_log",
        "message": "query Board: success",
        "request_id": line["request_id"],
        "operation": "Board",
        "kind": "query",
        "outcome": "success",
        "duration_ms": line["duration_ms"],
    }


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ('mutation { createTeam(input: {name: ""}) { __typename } }', "InvalidInput"),
        ('mutation { createTeam(input: {name: "x"}) { __typename } }', "NotAllowed"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "BAD_REQUEST"),
    ],
)
async def test_the_outcome_is_the_problem_or_the_error_code(
    server: Server, query: str, outcome: str
) -> None:
    viewer = headers_of(role="user" if outcome == "NotAllowed" else "admin")

    assert (await logged(server, query, **viewer))["outcome"] == outcome


async def test_no_user_document_variable_token_or_address_gets_into_the_log(
    server: Server,
) -> None:
    secrets = {name: new_id(name) for name in ("viewer", "member", "team", "token", "query")}
    headers = {
        "X-User-Id": secrets["viewer"],
        "Authorization": f"Bearer {secrets['token']}",
    }
    document = (
        "mutation Make($input: CreateTeamInput!) "
        "{ createTeam(input: $input) { ... on CreateTeamSuccess { team { id } } } }"
    )
    async with Client(server.url) as client:
        team = await client.create_team(secrets["team"])
        added = {"teamId": team["id"], "userId": secrets["member"]}
        await client.mutate("addUserToTeam", viewer=secrets["viewer"], **added)
        await client.mutate("addUserToTeam", viewer=secrets["viewer"], **added)
    async with http_client(base_url=server.url, headers=headers) as http:
        await http.post(
            "/graphql",
            json={"query": document, "variables": {"input": {"name": secrets["team"]}}},
        )
        await http.get(
            "/graphql", params={"query": f'{{ user(id: "{secrets["query"]}") {{ id }} }}'}
        )
        await http.get("/graphql?token=" + secrets["token"])
    async with connected(server.url + "", headers={**headers_of(), **headers}) as socket:
        await subscribe(
            socket, f'subscription {{ userTeam(userId: "{secrets["member"]}") {{ id }} }}'
        )
        await receive(socket)
        await send(socket, type="complete", id="1")
    await logged(server, "{ viewer { id } }")

    log = server.log.decode()

    assert {line.get("operation") for line in lines_of(server)} >= {"Make"}
    for secret in (*secrets.values(), "Bearer", "127.0.0.1:"):
        shown = [line for line in log.splitlines() if secret in line and "Serving on" not in line]
        assert shown == []


async def test_log_lines_of_libraries_are_json_too(server: Server) -> None:
    loggers = {line["logger"] for line in lines_of(server)}

    assert any(name.startswith("uvicorn") for name in loggers)
    assert any(name.startswith("app.storage") for name in loggers)


async def test_a_missing_database_is_reported_in_the_same_form() -> None:
    settings = {"LOG_FORMAT": "json", "REQUEST_TIMEOUT_SECONDS": "0.5"}
    nowhere = "mongodb://127.0.0.1:1/?replicaSet=none"
    async with running_servers(1, nowhere, new_id("test"), **settings) as (server,):
        line = await logged(server, '{ user(id: "sue") { team { id } } }')

    assert line["outcome"] == "DATABASE_UNAVAILABLE"


async def test_the_text_log_has_no_line_per_operation(mongodb_uri: str) -> None:
    async with running_servers(1, mongodb_uri, new_id("test")) as (server,):
        async with Client(server.url) as client:
            await client.execute("query Board { viewer { id } }")

        assert b"Board" not in server.log
