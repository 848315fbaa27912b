"""`scripts/fuzz` as a command, in a short form."""

import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

from tests.harness.commands import communicate
from tests.lab.fuzz.attacks import ATTACKS
from tests.lab.sabotage import Patch, Sabotage

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 180

# A plausible bug: a value that is no text is not refused, and fails where it is used.
UNREFUSED = Sabotage(
    "no-refusal",
    "none",
    "a query of another type is not refused",
    (
        Patch(
            "api/operations/persisted_documents.py",
            'raise Refused(Code.BAD_REQUEST, "`query` must be a string or null, if given.")',
            "raise TypeError",
        ),
    ),
)


async def fuzzed(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The exit status of a run against the code in a folder, and what it printed."""
    process = await create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.lab.fuzz.run", *arguments),
        cwd=folder,
        stdout=PIPE,
    )
    output, _ = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    return process.returncode, output.decode()


async def test_malformed_input_is_answered_as_it_must_be() -> None:
    status, output = await fuzzed(ROOT, "--requests", "150", "--examples", "5", "--seed", "1")

    assert status == 0, output
    assert [name for name in ATTACKS if f"; {name}: " not in output] == []
    assert ", 0 things wrong." in output


async def test_a_bug_is_found_and_shown(tmp_path: Path) -> None:
    UNREFUSED.carry_out(tmp_path)

    status, output = await fuzzed(
        tmp_path,
        *("--attack", "requests", "--requests", "3000", "--no-shrink", "--seed", "1"),
    )

    assert status == 1
    assert "The status is 500" in output
    assert "Sent: Probe(" in output


async def test_what_another_program_writes_hurts_no_other_team() -> None:
    status, output = await fuzzed(ROOT, "--foreign", "3", "--seed", "1")

    assert status == 0, output
    assert "changes at odd versions" in output
    assert "\n0 things wrong." in output
