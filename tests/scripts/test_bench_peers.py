"""`scripts/bench peers` in a small form."""

import os
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.harness.commands import communicate
from tests.lab.bench.peers.sides import node_problem

DEADLINE_SECONDS = 180
OURS = ("Team Joiner", "bare driver")
PEERS = ("Mercurius (JIT)", "GraphQL Yoga")


async def compared(picture: Path, **environment: str) -> str:
    """The output of a run that must succeed."""
    process = await create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.lab.bench.peers", "--picture", str(picture)),
        *("--rounds", "1", "--operations", "48"),
        env=os.environ | environment,
        stdout=PIPE,
    )
    output, _ = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    assert process.returncode == 0
    return output.decode()


def rows_of(output: str, name: str) -> list[list[float]]:
    """The figures of each row that starts with the name."""
    rows = [line.strip() for line in output.splitlines() if line.startswith(f"  {name}  ")]
    return [[float(cell) for cell in row.removeprefix(name).split()] for row in rows]


async def test_four_servers_are_compared_in_four_workloads(tmp_path: Path) -> None:
    if problem := node_problem():
        pytest.skip(f"{problem}: Mercurius and GraphQL Yoga are not compared.")

    output = await compared(tmp_path / "peers.svg")

    for name in (*OURS, *PEERS):
        rows = rows_of(output, name)
        assert [len(row) for row in rows] == [5] * 4, output
        assert all(rate > 0 and p50 <= p99 for rate, p50, p99, *_ in rows), output
    assert "Not equal: Mercurius and Yoga have no limits" in output
    drawn = "".join(ElementTree.parse(tmp_path / "peers.svg").getroot().itertext())
    assert [drawn.count(name) for name in (*OURS, *PEERS)] == [4] * 4


async def test_without_node_one_sentence_replaces_its_rows(tmp_path: Path) -> None:
    output = await compared(tmp_path / "peers.svg", PATH=str(tmp_path))

    assert [len(rows_of(output, name)) for name in (*OURS, *PEERS)] == [4, 4, 0, 0]
    assert (
        "Mercurius and GraphQL Yoga were left out, since Node and npm are not installed." in output
    )
