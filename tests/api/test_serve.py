"""`team-joiner serve` as an operator meets it: options, refusals, ends and restarts."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import psutil
import pytest

from app.config import Settings
from app.storage.client import Client as DriverClient
from tests.api.world import create_team_with, find_team, new_id, team_id_of
from tests.harness.client import Client
from tests.harness.commands import communicate, start_module
from tests.harness.preloaded import PreloadedProcess
from tests.harness.servers import Server

COMMAND = str(Path(sys.executable).with_name("team-joiner"))
# Workers start from the module that their supervisor was started from.
STARTED_AS_INSTALLED = {"--help", "--output", "--workers"}
DEADLINE_SECONDS = 30
SETTINGS = {field.name.upper() for field in fields(Settings)}


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int | None
    output: str


async def run_command(*arguments: str, **environment: str) -> Ended:
    """The end of a command that ends by itself, in an environment without our variables."""
    given = {name: os.environ[name] for name in os.environ if name not in SETTINGS} | environment
    process: Process | PreloadedProcess
    if STARTED_AS_INSTALLED.isdisjoint(arguments):
        process = await start_module("app.main", *arguments, environment=given)
    else:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, *arguments), env=given, stdout=PIPE, stderr=PIPE
        )
    output, errors = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    return Ended(process.returncode, (output + errors).decode())


class Embedded(Server):
    """A server that brings its own database, in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__("", "teams", DATA_DIR=str(folder), **environment)

    async def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        return await self._end(signal.SIGINT)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Client]:
    """A client of a server that is started for as long; it may end before."""
    await server.start()
    try:
        async with Client(server.url) as client:
            yield client
    finally:
        await server.stop()


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def mongods_on(folder: Path) -> list[int]:
    """The processes that run a database in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder / "mongodb") in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


async def test_the_help_names_every_option_and_its_environment_variable() -> None:
    ended = await run_command("serve", "--help")

    assert ended.status == 0
    for variable in SETTINGS:
        option = variable.lower().replace("_", "-")
        assert f"--{option.replace('mongodb-database', 'database')} " in ended.output
        assert f"[environment: {variable}" in " ".join(ended.output.split())


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (("--port", "eighty"), {}, "--port"),
        (("--workers", "0"), {"WORKERS": "1"}, "--workers"),
        (("--mongodb-uri", "localhost:27017"), {}, "--mongodb-uri"),
        (("--data-dir", __file__), {}, "--data-dir"),
        (("--nonsense", "1"), {}, "--nonsense"),
        (("nonsense",), {}, "nonsense"),
        ((), {"PORT": "65536"}, "PORT"),
        ((), {"REQUEST_TIMEOUT_SECONDS": "soon"}, "REQUEST_TIMEOUT_SECONDS"),
    ],
)
async def test_an_impossible_value_is_refused_with_a_sentence(
    arguments: tuple[str, ...], environment: dict[str, str], named: str
) -> None:
    ended = await run_command("serve", *arguments, **environment)

    assert ended.status == 2
    assert named in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        "mongodb://sue:s3cr3t:s3cr3t@host",
        "mongodb://sue:x/s3cr3t@host/",
        "mongodb://sue:s3cr3t@host/?tls=true&tlsCAFile=/nowhere/ca.pem",
        f"mongodb://sue:s3cr3t@host/?tls=true&tlsCAFile={__file__}",
        "mongodb://sue:s3cr3t@host/?tls=true&tlsCertificateKeyFile=/nowhere/client.pem",
    ],
)
async def test_an_invalid_connection_string_is_refused_with_a_sentence(
    uri: str,
) -> None:
    ended = await run_command("serve", "--port", "0", "--mongodb-uri", uri)

    assert ended.status in {1, 2}
    assert "MONGODB_URI" in ended.output
    assert "s3cr3t" not in ended.output
    assert "Traceback" not in ended.output


async def test_a_port_in_use_is_refused_before_a_database_is_started(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = await run_command("serve", "--port", port, "--data-dir", str(folder))

    assert ended.status == 1
    assert f"Can't listen on 127.0.0.1 port {port}" in ended.output
    assert "Traceback" not in ended.output
    assert not folder.exists()


async def test_a_database_that_breaks_the_rules_is_refused_with_user_and_teams(
    mongodb_uri: str, client: DriverClient, empty_database: str
) -> None:
    teams = [{"_id": name, "name": name, "userIds": ["sue"], "version": 1} for name in ("t1", "t2")]
    await client[empty_database].teams.insert_many(teams)

    ended = await run_command(
        *("serve", "--port", "0", "--mongodb-uri", mongodb_uri, "--database", empty_database)
    )

    assert ended.status == 1
    assert "user 'sue' is on teams t1, t2" in ended.output
    assert "Traceback" not in ended.output


async def test_a_fault_at_the_start_is_one_json_line_without_user_ids(
    mongodb_uri: str, client: DriverClient, empty_database: str
) -> None:
    teams = [{"name": name, "userIds": ["sue-4711"], "version": 1} for name in ("t1", "t2")]
    await client[empty_database].teams.insert_many(teams)

    ended = await run_command(
        *("serve", "--port", "0", "--mongodb-uri", mongodb_uri, "--database", empty_database),
        LOG_FORMAT="json",
    )

    lines = [json.loads(line) for line in ended.output.splitlines()]
    critical = [line["message"] for line in lines if line["level"] == "critical"]
    assert ended.status == 1
    assert len(critical) == 1
    assert "breaks the rules" in critical[0]
    assert "sue-4711" not in ended.output


async def test_the_schema_is_printed_or_written_to_a_file(tmp_path: Path) -> None:
    written = tmp_path / "schema.graphql"

    printed = await run_command("schema")
    await run_command("schema", "--output", str(written))

    assert printed.output == written.read_text(encoding="utf-8")
    assert "type Mutation" in printed.output


async def test_teams_survive_however_the_server_ends(tmp_path: Path) -> None:
    server, sue = Embedded(tmp_path), new_id("sue")

    async with serving(server) as client:
        team = await create_team_with(client, sue)
        terminated = await server.stop()
    mongods_after_a_clean_end = mongods_on(tmp_path)
    async with serving(server) as client:
        welcome = f"Open {server.url}/graphql. Your data are in {tmp_path}. Ctrl-C stops"
        after_termination = await find_team(client, team["id"])
        interrupted = await server.interrupt()
        greeted = server.log.count(welcome.encode())
    async with serving(server) as client:
        after_interruption = await find_team(client, team["id"])
        late = await client.create_team("Late")
        await server.kill()
    async with serving(server) as client:
        after_kill = [await find_team(client, each["id"]) for each in (team, late)]
        team_of_sue = await team_id_of(client, sue)
        second = await client.mutate("addUserToTeam", teamId=late["id"], userId=sue)

    assert (terminated, interrupted, greeted) == (0, 0, 1)
    assert mongods_after_a_clean_end == mongods_on(tmp_path) == []
    assert after_termination == after_interruption == team
    assert after_kill == [team, late]
    assert team_of_sue == team["id"]
    assert second["__typename"] == "AlreadyOnTeam"


async def test_a_second_server_on_the_same_folder_is_refused(
    tmp_path: Path,
) -> None:
    async with serving(Embedded(tmp_path)) as client:
        team = await client.create_team("Red")

        ended = await run_command("serve", "--port", "0", "--data-dir", str(tmp_path))

        assert ended.status == 1
        for fact in (str(tmp_path), "in use", "MONGODB_URI=mongodb://", "--data-dir"):
            assert fact in ended.output
        assert "Traceback" not in ended.output
        assert await find_team(client, team["id"]) == team
        assert await client.create_team("Blue")


async def test_workers_share_the_port_and_end_with_their_killed_supervisor(
    mongodb_uri: str,
) -> None:
    server = Server(mongodb_uri, new_id("test"), WORKERS="2")

    async with serving(server) as client:
        supervisor = psutil.Process(server.pid)
        await wait_until(lambda: server.log.count(b"Application startup complete") == 2)
        await wait_until(lambda: b"Ctrl-C stops the server." in server.log)
        greeted_at = server.log.index(b"Open http://")
        family = supervisor.children(recursive=True)
        team = await client.create_team("Red")
        seen = [await find_team(client, team["id"]) for _ in range(10)]
        async with asyncio.timeout(DEADLINE_SECONDS):
            await server.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, DEADLINE_SECONDS)

    assert greeted_at > server.log.index(b"Application startup complete")
    assert seen == [team] * 10
    assert len(family) >= 2
    assert alive == []
    # Raises if somebody listens there still.
    socket.create_server(("127.0.0.1", server.port)).close()


async def test_workers_end_cleanly_with_their_supervisor(mongodb_uri: str) -> None:
    server = Server(mongodb_uri, new_id("test"), WORKERS="2")

    async with serving(server):
        await wait_until(lambda: server.log.count(b"Application startup complete") == 2)
        family = psutil.Process(server.pid).children(recursive=True)
        # Ctrl-C as a terminal sends it: to all of them, and the supervisor passes it on again.
        for each in (*family, psutil.Process(server.pid)):
            each.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_SECONDS):
            status = await server.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, DEADLINE_SECONDS)

    assert status == 0
    assert alive == []
    assert b"Traceback" not in server.log


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_whose_application_does_not_start_has_failed(
    mongodb_uri: str, workers: str
) -> None:
    unusable = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": new_id("test"),
    }

    ended = await run_command("serve", "--port", "0", "--workers", workers, **unusable)

    assert ended.status not in {0, None}


async def test_workers_that_could_not_start_again_end_the_service_as_failed(
    mongodb_uri: str, tmp_path: Path
) -> None:
    document = tmp_path / "a.graphql"
    document.write_text("{ __typename }")
    server = Server(
        mongodb_uri, new_id("test"), WORKERS="2", TRUSTED_DOCUMENTS=str(tmp_path), LOG_FORMAT="json"
    )

    async with serving(server):
        await wait_until(lambda: server.log.count(b"Application startup complete") == 2)
        document.unlink()
        for process in psutil.Process(server.pid).children():
            if any("spawn_main" in argument for argument in process.cmdline()):
                process.kill()
        async with asyncio.timeout(DEADLINE_SECONDS):
            status = await server.wait()

    assert status == 1
    assert b"There are no documents" in server.log
    assert b"Traceback" not in server.log
