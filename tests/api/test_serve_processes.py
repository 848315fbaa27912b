"""The processes of `team-joiner serve`: ends, restarts and workers."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.api.world import create_team_with, find_team, new_id, team_id_of
from tests.harness.client import Client
from tests.harness.commands import DEADLINE_SECONDS, run_command
from tests.harness.servers import Server


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


async def test_teams_survive_however_the_server_ends(tmp_path: Path) -> None:
    server, sue = Embedded(tmp_path), new_id("sue")

    async with serving(server) as client:
        team = await create_team_with(client, sue)
        terminated = await server.stop()
    mongods_after_a_clean_end = mongods_on(tmp_path)
    async with serving(server) as client:
        welcome = f"Open {server.url}/. Your data are in {tmp_path}. Ctrl-C stops"
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
