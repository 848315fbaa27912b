"""`scripts/race` as its users run it, in a small form."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import psutil

from app.storage.client import Client
from tests.harness.waiting import eventually
from tests.lab.race.violations import Violations

PROGRAM = ("-P", "-m", "tests.lab.race.run")
DEADLINE_SECONDS = 90
SIZE = ("--servers", "2", "--seconds", "4")


@asynccontextmanager
async def racing(folder: Path, *arguments: str) -> AsyncIterator[Process]:
    """A race whose processes all name the folder in their command lines."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *PROGRAM, *SIZE, "--picture", str(folder / "race.svg"), *arguments),
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for left in processes_of(folder):
            with suppress(psutil.NoSuchProcess):
                left.kill()


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that a race with this folder has started, and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_the_classic_code_breaks_in_a_race_and_ours_holds(
    tmp_path: Path, mongodb_uri: str, client: Client
) -> None:
    before = set(await client.list_database_names())
    broken = f"broken_{uuid4().hex[:8]}"
    arguments = ("--json", "--mongodb-uri", mongodb_uri, "--keep-broken", broken)

    async with racing(tmp_path, *arguments) as race:
        output, notes = await race.communicate()
        running = processes_of(tmp_path)
    left = set(await client.list_database_names()) - before
    kept = Violations(client, broken)
    await kept.look()
    await client.drop_database(broken)

    assert race.returncode == 0, notes.decode()
    found = json.loads(output)
    assert found["classic"]["violations"]["usersEverOnSeveralTeams"] > 0
    assert set(found["ours"]["violations"].values()) == {0}
    for side in (found["classic"], found["ours"]):
        refused = side["refused"].values()
        assert side["mutations"] == side["accepted"] + sum(refused)
        assert side["accepted"] > 0
        assert side["refused"]["AlreadyOnTeam"] > 0
        assert side["failed"] == {}
        assert not [name for name in side if "Milliseconds" in name or "PerSecond" in name]
    outcomes = {
        side: sorted(one["outcome"] for one in found["victim"][side].values())
        for side in ("classic", "ours")
    }
    assert outcomes == {"classic": ["accepted"] * 2, "ours": ["AlreadyOnTeam", "accepted"]}
    picture = ElementTree.parse(found["picture"])
    words = [text.text or "" for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "Sue is on two teams" in words
    assert left == {broken}
    at_the_end = found["classic"]["violations"]["usersOnSeveralTeamsAtTheEnd"]
    assert len(kept.on_several_teams) == at_the_end
    assert running == []


async def test_a_race_that_is_interrupted_leaves_nothing_behind(
    tmp_path: Path, mongodb_uri: str, client: Client
) -> None:
    before = set(await client.list_database_names())

    async with racing(tmp_path, "--seconds", "60", "--mongodb-uri", mongodb_uri) as race:
        assert race.stderr is not None
        while b"ever" not in (line := await race.stderr.readline()):
            assert line
        race.send_signal(signal.SIGINT)
        output, notes = await race.communicate()
        running = processes_of(tmp_path)

    assert race.returncode == 130
    assert output == b""
    assert b"Traceback" not in notes
    assert running == []
    assert set(await client.list_database_names()) == before


async def test_the_servers_of_a_killed_race_end_by_themselves(
    tmp_path: Path, mongodb_uri: str, client: Client
) -> None:
    broken = f"broken_{uuid4().hex[:8]}"
    keep = ("--mongodb-uri", mongodb_uri, "--keep-broken", broken)

    async with racing(tmp_path, "--seconds", "60", *keep) as race:
        assert race.stderr is not None
        while b"ever" not in (line := await race.stderr.readline()):
            assert line
        servers = [p for p in processes_of(tmp_path) if p.pid != race.pid]
        race.kill()
        await race.communicate()

        async def are_gone() -> bool:
            return not any(server.is_running() for server in servers)

        await eventually(are_gone)
    await client.drop_database(broken)

    assert len(servers) == 2


async def test_a_race_does_not_touch_a_database_that_is_in_use(
    tmp_path: Path, mongodb_uri: str, client: Client, empty_database: str
) -> None:
    await client[empty_database]["teams"].insert_one({"_id": "mine"})
    keep = ("--mongodb-uri", mongodb_uri, "--keep-broken", empty_database)

    async with racing(tmp_path, *keep) as race:
        _, notes = await race.communicate()

    assert race.returncode == 2
    assert b"choose another name" in notes
    assert await client[empty_database]["teams"].find().to_list(None) == [{"_id": "mine"}]
