"""Published clients, run by Node as they are; `test_replays.py` sends what they send without it."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.harness.client import Answer
from tests.harness.servers import Server

FOLDER = Path(__file__).parent
INSTALL_SECONDS, RUN_SECONDS = 180, 60


@pytest.fixture(scope="module")
async def outcomes(servers: list[Server]) -> list[Answer]:
    """What each client has seen; all run in one process."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not here: the clients' published packages are not run.")
    if not (FOLDER / "node_modules").is_dir():
        installed = await asyncio.create_subprocess_exec(
            *("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"), cwd=FOLDER
        )
        async with asyncio.timeout(INSTALL_SECONDS):
            if await installed.wait():
                pytest.skip("npm can't install the clients' published packages.")
    running = await asyncio.create_subprocess_exec(
        *("node", "run.mjs", f"{servers[0].url}/graphql"),
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize(
    "name",
    [
        *("urql 6", "urql 4", "urql graphcache", "apollo"),
        *("graphql-sse, distinct connections", "graphql-ws"),
    ],
)
async def test_a_client_asks_changes_and_follows_a_feed(outcomes: list[Answer], name: str) -> None:
    (outcome,) = [outcome for outcome in outcomes if outcome["name"] == name]

    assert outcome == {
        "name": name,
        "viewer": "root",
        "created": 1,
        "changes": [1, 2],
        "refusal": "TEAM_NOT_FOUND",
    }


async def test_relays_runtime_asks_and_changes(outcomes: list[Answer]) -> None:
    assert {"name": "relay", "viewer": "root", "created": 1} in outcomes
