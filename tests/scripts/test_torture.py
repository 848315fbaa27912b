"""`scripts/torture` as a command, on a service that has been broken on purpose."""

import json
import os
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from tests.lab.checker.check import check
from tests.lab.checker.files import load
from tests.lab.sabotage import SABOTAGES, Patch, Sabotage

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "torture"


async def test_a_missing_index_is_found_and_the_history_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    process = await create_subprocess_exec(
        sys.executable, SCRIPT, "--break", "no-unique-index", "--json", stdout=PIPE, stderr=PIPE
    )
    out, progress = await process.communicate()

    result = json.loads(out)
    assert process.returncode == 1, progress.decode()
    assert [fault["fault"] for fault in result["faults"]] == ["calm"]
    kept = Path(result["history"])
    found = check(*load(kept / "history.jsonl"))
    assert any(" is on the teams " in violation.sentence for violation in found)
    assert set(map(str, found)) <= set(result["trials"][0]["violations"])
    assert os.listdir(tmp_path) == [kept.name]  # noqa: PTH208 - ruff knows no asynchronous one


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_the_code_to_be_broken_exists(sabotage: Sabotage, tmp_path: Path) -> None:
    sabotage.carry_out(tmp_path)

    assert (tmp_path / "app" / "main.py").is_file()


def test_sabotage_that_does_not_fit_the_code_is_refused(tmp_path: Path) -> None:
    patch = Patch("main.py", "what nobody has written", "")

    with pytest.raises(ValueError, match="not once"):
        Sabotage("none", "G0", "nothing", (patch,)).carry_out(tmp_path)
