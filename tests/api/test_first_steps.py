"""The README's commands, word for word: those of a newcomer in order, on a new server."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import serve as app_server
from app.bootstrap import identity_of
from app.config import Settings
from app.main import main
from tests.harness.pages import ALL_PAGES, PAGES
from tests.harness.servers import running_servers

README = PAGES["README.md"]
BASH = shutil.which("bash") or "bash"
DEADLINE_SECONDS = 30


def commands_of(block: str) -> list[str]:
    """The commands of a console's text, without its answers."""
    return re.sub(r"^\{.*\n", "", block, flags=re.MULTILINE).split("$ ", 1)[1].split("\n$ ")


def console(heading: str) -> str:
    """The first console's text after these words."""
    block = re.search(r"```console\n(.*?)```", ALL_PAGES.split(heading)[1], re.DOTALL)
    assert block is not None
    return block[1]


@asynccontextmanager
async def pasted(
    commands: str, port: int, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    shell = await asyncio.create_subprocess_exec(
        *(BASH, "-c", commands.replace("127.0.0.1:8000", f"127.0.0.1:{port}")),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield shell
    finally:
        with suppress(ProcessLookupError):
            shell.kill()
        await shell.wait()


async def test_the_commands_of_the_readme_answer_what_it_says(
    mongodb_uri: str, empty_database: str, tmp_path: Path
) -> None:
    block = console("## First steps")
    refusal = re.search(r"```json\n(.*?)\n```", README.split("## First steps")[1], re.DOTALL)
    assert refusal is not None
    promised = re.findall(r"^\{.*", block, re.MULTILINE)
    commands = commands_of(block)
    again = commands[-1]
    (feed,) = commands_of(console("### Server-sent events"))

    async with running_servers(1, mongodb_uri, empty_database) as (server,):
        first = "\n".join((*(f"{each}\necho" for each in commands), again))
        async with pasted(first, server.port, tmp_path) as shell:
            output, _ = await shell.communicate()
        async with pasted(f"exec {feed}", server.port, tmp_path) as following:
            assert following.stdout is not None
            seen = asyncio.create_task(following.stdout.readuntil(b"TeamCreated"))
            while not seen.done():  # the feed begins when it has been asked for, which is not said
                async with pasted(commands[0], server.port, tmp_path) as shell:
                    await shell.communicate()
            await seen

    answers = [json.loads(_without_id(line)) for line in output.decode().split("\n") if line]
    assert answers == [json.loads(_without_id(line)) for line in (*promised, refusal[1])]


def _without_id(answer: str) -> str:
    return re.sub(r'"id":"[0-9a-f]{24}"', '"id":""', answer)


def test_the_commands_for_operators_make_settings_that_can_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, *exports, serve = commands_of(console("## Deployment"))
    shown = subprocess.run(
        [BASH, "-c", "\n".join((*exports, "env"))],
        check=True,
        capture_output=True,
        text=True,
        env={},
    )
    environment = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    used: list[Settings] = []
    monkeypatch.setattr(app_server, "run_server", lambda settings, _: used.append(settings))

    ended = CliRunner().invoke(main, serve.split()[1:], env=environment)

    assert ended.exit_code == 0, ended.output
    (settings,) = used
    identity_of(settings)
    assert (settings.workers, settings.host, settings.drain_seconds) == (4, "0.0.0.0", 15)
    assert settings.mongodb_uri == "mongodb://db1,db2,db3/?replicaSet=rs0"
