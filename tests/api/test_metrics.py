"""Metrics of one process, and of several workers."""

import asyncio
import os
import signal
from pathlib import Path

import psutil

from app.embedded.database import embedded_database
from app.storage.client import close, connect
from tests.api.world import create_team_with, new_id, own_server
from tests.harness.client import Client
from tests.harness.commands import run_command
from tests.harness.http import http_client
from tests.harness.metrics import metrics_url, read_metrics
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe
from tests.harness.waiting import eventually

MEASURED = {"METRICS_PORT": "0"}
NAMED = "query Board { viewer { id } }"


server = own_server(**MEASURED)


def found_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_operations_are_counted_by_name_kind_and_outcome(server: Server, api: Client) -> None:
    before = await read_metrics(server)

    await api.execute(NAMED)
    await api.post({"query": NAMED})
    await api.post({"query": "{ viewer { nothing } }"})
    await api.post({"query": "{"})
    await api.post({"query": 'query Board { user(id: "") { id } }'})

    after = await read_metrics(server)
    for labels, count in (
        ({"name": "Board", "kind": "query", "outcome": "success"}, 2),
        ({"name": "anonymous", "outcome": "GRAPHQL_VALIDATION_FAILED"}, 1),
        ({"kind": "unknown", "outcome": "GRAPHQL_PARSE_FAILED"}, 1),
        ({"name": "Board", "outcome": "INVALID_INPUT"}, 1),
    ):
        name = "operations_total"
        assert after.value(name, **labels) - before.value(name, **labels) == count, labels
    name = "operation_seconds_count"
    assert after.value(name, name="Board") - before.value(name, name="Board") == 3


async def test_rejected_requests_are_counted_by_error_code(server: Server, api: Client) -> None:
    before = await read_metrics(server)

    await api.post("nonsense")
    await api.post([])
    await api.post({"query": " " * 2_000_000})
    await api.post({"query": "{ viewer { id } }", "operationName": "Another"})

    after = await read_metrics(server)
    for code, count in (("BAD_REQUEST", 2), ("BATCHING_DISABLED", 1), ("PAYLOAD_TOO_LARGE", 1)):
        labels = {"kind": "unknown", "outcome": code}
        found = after.value("operations_total", **labels)
        assert found - before.value("operations_total", **labels) == count, code


async def test_problems_are_counted_by_type_without_selecting_typename(
    server: Server, api: Client
) -> None:
    team = await create_team_with(api, new_id())
    before = await read_metrics(server)

    await api.execute(
        "mutation Rename($input: UpdateTeamInput!) {"
        " updateTeam(input: $input) { ... on UpdateTeamSuccess { replayed } } }",
        {"input": {"teamId": team["id"], "expectedVersion": 1, "name": "Late"}},
    )

    after = await read_metrics(server)
    conflicts = {"type": "VersionConflict"}
    assert (
        after.value("problems_total", **conflicts) - before.value("problems_total", **conflicts)
        == 1
    )
    assert after.value("operations_total", name="Rename", outcome="VersionConflict") == 1


async def test_operation_names_as_labels_are_bounded(server: Server, api: Client) -> None:
    for number in range(150):
        await api.execute(f"query Invented{number} {{ viewer {{ id }} }}")

        await api.execute(f"query Long{number}{'x' * 1_000} {{ viewer {{ id }} }}")

    names = (await read_metrics(server)).labels("operations_total", "name")

    assert max(map(len, names)) <= 100
    assert len(names) <= 102
    assert "other" in names


async def test_commands_connections_and_recording_are_measured(server: Server, api: Client) -> None:
    before = after = await read_metrics(server)
    await create_team_with(api, new_id())

    async def is_recorded() -> bool:
        nonlocal after
        after = await read_metrics(server)
        lags = ("recorder_lag_seconds_count", "feed_lag_seconds_count")
        # The server's own checks use a connection at times.
        return after.value("database_connections_in_use", client="requests") == 0 and all(
            after.value(lag) - before.value(lag) >= 2 for lag in lags
        )

    await eventually(is_recorded)

    update = {"client": "requests", "command": "findAndModify"}
    assert after.value("database_command_seconds_count", **update) >= 1
    assert 0 < after.value("database_command_seconds_sum", **update) < 5
    assert after.value("database_connections", client="requests") >= 1
    assert after.value("database_connections_in_use", client="streams") >= 1
    assert after.value("database_connection_wait_seconds_count", client="requests") >= 2
    assert after.value("recorder_active") == 1
    for lag in ("recorder_lag", "feed_lag"):
        assert after.value(f"{lag}_seconds_sum") / after.value(f"{lag}_seconds_count") < 5


async def test_a_refusal_of_mongodb_that_is_expected_is_no_failure(
    mongodb_uri: str,
) -> None:
    database, sue = new_id("test"), new_id("sue")
    async with running_servers(1, mongodb_uri, database):
        pass  # so that the next one creates nothing at its start

    async with (
        running_servers(1, mongodb_uri, database, **MEASURED) as (server,),
        Client(server.url) as api,
    ):
        await create_team_with(api, sue)
        red, blue = await api.create_team("Red"), await api.create_team("Blue")
        refused = await api.mutate("addUserToTeam", teamId=red["id"], userId=sue)
        rush = (
            api.mutate("moveUserToTeam", userId=sue, toTeamId=team["id"])
            for team in [red, blue] * 10
        )
        await asyncio.gather(*rush)
        measured = await read_metrics(server)

    commands = measured.labels("database_command_seconds_count", "command")
    assert refused["__typename"] == "AlreadyOnTeam"
    assert {"create", "findAndModify"} <= commands
    assert measured.value("database_command_failures_total") == 0


async def test_a_command_that_is_not_answered_is_a_failure(tmp_path: Path) -> None:
    with embedded_database(tmp_path) as uri:
        driver = connect(uri, timeout_seconds=10)
        mongod = psutil.Process((await driver.admin.command("serverStatus"))["pid"])
        await close(driver)
        async with running_servers(1, uri, "teams", **MEASURED) as (server,):

            async def records() -> bool:
                return (await read_metrics(server)).value("recorder_active") == 1

            async def is_counted() -> bool:
                return (await read_metrics(server)).value("database_command_failures_total") > 0

            await eventually(records)  # so that a command is in progress at any time
            mongod.suspend()
            try:
                await eventually(is_counted)
            finally:
                mongod.resume()


async def test_current_subscribers_are_counted(server: Server, api: Client) -> None:
    team = await api.create_team()

    async def count(field: str) -> float:
        return (await read_metrics(server)).value("subscribers", field=field)

    async def is_counted() -> bool:
        return [await count(f) for f in ("teamChanges", "allTeamChanges", "userTeam")] == [1, 1, 1]

    async def is_gone() -> bool:
        return (await read_metrics(server)).value("subscribers") == 0

    async with connected(server.url) as socket:
        query = "subscription ($id: ID!) { teamChanges(teamId: $id) { version } }"
        await subscribe(socket, query, operation_id="1", id=team["id"])
        await subscribe(socket, "subscription { allTeamChanges { version } }", operation_id="2")
        await subscribe(socket, 'subscription { userTeam(userId: "sue") { id } }', operation_id="3")
        assert (await receive(socket))["type"] == "next"
        await eventually(is_counted)
    await eventually(is_gone)

    ended = await read_metrics(server)
    assert ended.value("operations_total", kind="subscription", outcome="cancelled") == 3


async def test_the_public_port_has_no_metrics(server: Server) -> None:
    async with http_client(base_url=server.url) as http:
        assert (await http.get("/metrics")).status_code == 404


async def test_metrics_are_off_by_default(mongodb_uri: str) -> None:
    async with running_servers(1, mongodb_uri, new_id("test")) as (server,):
        assert b"metrics" not in server.log


async def test_a_port_in_use_is_reported(server: Server) -> None:
    port = metrics_url(server).split(":")[2].split("/")[0]

    ended = await run_command("serve", "--port", "0", "--metrics-port", port)

    assert ended.status == 1
    assert f"Can't listen on 127.0.0.1 port {port} for metrics" in ended.output
    assert "Traceback" not in ended.output


async def test_workers_are_summed_up_and_leave_no_files(mongodb_uri: str, tmp_path: Path) -> None:
    settings = {**MEASURED, "WORKERS": "3", "TMPDIR": str(tmp_path)}
    async with running_servers(1, mongodb_uri, new_id("test"), **settings) as (server,):

        async def all_started() -> bool:
            return server.log.count(b"Application startup complete") >= 3

        async def one_records() -> bool:
            return (await read_metrics(server)).value("recorder_active") == 1

        await eventually(all_started)
        for _ in range(60):  # each on a connection of its own, so that several workers answer
            async with Client(server.url) as client:
                await client.execute(NAMED)
        await eventually(one_records)
        counted = (await read_metrics(server)).value("operations_total", name="Board")

        # A killed worker loses its gauges and keeps its counters.
        for worker in psutil.Process(server.pid).children():
            if b"resource_tracker" not in " ".join(worker.cmdline()).encode():
                os.kill(worker.pid, signal.SIGKILL)

        async def all_started_again() -> bool:
            return server.log.count(b"Application startup complete") >= 6

        await eventually(all_started_again, timeout_seconds=60)
        await eventually(one_records)
        counted_after = (await read_metrics(server)).value("operations_total", name="Board")
        folders = found_in(tmp_path)
        await asyncio.wait_for(server.stop(), 30)

    assert counted == counted_after == 60
    assert folders
    assert found_in(tmp_path) == []
