"""Node with the published packages of package.json, for the tests that run clients."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.harness.client import Answer

FOLDER = Path(__file__).parent
INSTALL_SECONDS, RUN_SECONDS = 180, 60


async def install() -> None:
    """Install the packages once; the test is skipped where that is not possible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not here: the clients' published packages are not run.")
    lock, installed_lock = FOLDER / "package-lock.json", FOLDER / "node_modules" / "installed.json"
    if not installed_lock.is_file() or installed_lock.read_bytes() != lock.read_bytes():
        installed = await asyncio.create_subprocess_exec(
            *("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"), cwd=FOLDER
        )
        async with asyncio.timeout(INSTALL_SECONDS):
            if await installed.wait():
                pytest.skip("npm can't install the clients' published packages.")
        shutil.copyfile(lock, installed_lock)


async def run(*command: str, folder: Path = FOLDER, given: str = "", **environment: str) -> str:
    """The output of a command, run in the folder of the packages by default."""
    await install()
    running = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=PIPE, stdout=PIPE, env={**os.environ, **environment}
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, _ = await running.communicate(given.encode())
    finally:
        if running.returncode is None:
            running.kill()
    return output.decode()


async def run_script(script: str, *arguments: str, given: str = "") -> list[Answer]:
    """The lines that a script prints, out of their JSON."""
    output = await run("node", script, *arguments, given=given)
    return [json.loads(line) for line in output.splitlines()]
