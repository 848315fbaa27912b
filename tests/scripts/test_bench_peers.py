"""`scripts/bench peers` in a small form."""

import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tests.harness.commands import communicate
from tests.lab.bench.peers import __main__ as program
from tests.lab.bench.peers.picture import Figures, Results
from tests.lab.bench.peers.sides import node_problem

DEADLINE_SECONDS = 180
OURS = ("Team Joiner", "bare driver")
PEERS = ("Mercurius (JIT)", "GraphQL Yoga")


def rows_of(output: str, name: str) -> list[list[float]]:
    """The figures of each row that starts with the name."""
    rows = [line.strip() for line in output.splitlines() if line.startswith(f"  {name}  ")]
    return [[float(cell) for cell in row.removeprefix(name).split()] for row in rows]


async def test_all_servers_that_can_run_are_compared_in_four_workloads(tmp_path: Path) -> None:
    names = OURS if node_problem() else (*OURS, *PEERS)
    process = await create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.lab.bench.peers", "--rounds", "1"),
        *("--operations", "48", "--picture", str(tmp_path / "peers.svg")),
        stdout=PIPE,
    )
    lines, _ = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    output = lines.decode()

    assert process.returncode == 0
    for name in names:
        rows = rows_of(output, name)
        assert [len(row) for row in rows] == [5] * 4, output
        assert all(rate > 0 and p50 <= p99 for rate, p50, p99, *_ in rows), output
    assert "Not equal: Mercurius and Yoga have no limits" in output
    drawn = "".join(ElementTree.parse(tmp_path / "peers.svg").getroot().itertext())
    assert [drawn.count(name) for name in names] == [4] * len(names)


def test_without_node_one_sentence_replaces_its_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def measured(names: list[str], _rounds: int, _operations: int) -> Results:
        return {
            each.title: dict.fromkeys(names, Figures(1, 1, 1, 1, 1)) for each in program.WORKLOADS
        }

    monkeypatch.setattr(program, "_measure", measured)
    monkeypatch.setenv("PATH", str(tmp_path))

    output = CliRunner().invoke(program.main, catch_exceptions=False).output

    assert [len(rows_of(output, name)) for name in (*OURS, *PEERS)] == [4, 4, 0, 0]
    assert (
        "Mercurius and GraphQL Yoga were left out, since Node and npm are not installed." in output
    )
