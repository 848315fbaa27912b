"""The commands of the README's first steps, word for word and in order, on a new server."""

import asyncio
import json
import re
import shutil
from pathlib import Path

from tests.harness.servers import running_servers

README = Path(__file__).parents[2] / "README.md"


async def test_the_commands_of_the_first_steps_answer_what_the_readme_says(
    mongodb_uri: str, empty_database: str, tmp_path: Path
) -> None:
    section = README.read_text(encoding="utf-8").split("## First steps")[1].split("\n## ")[0]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    refusal = re.search(r"```json\n(.*?)\n```", section, re.DOTALL)
    assert block is not None
    assert refusal is not None
    promised = re.findall(r"^\{.*", block[1], re.MULTILINE)
    commands = re.sub(r"^\{.*\n", "", block[1], flags=re.MULTILINE).split("$ ", 1)[1].split("\n$ ")
    again = commands[-1]

    async with running_servers(1, mongodb_uri, empty_database) as (server,):
        pasted = "\n".join((*(f"{each}\necho" for each in commands), again))
        shell = await asyncio.create_subprocess_exec(
            shutil.which("bash") or "bash",
            "-c",
            pasted.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(shell.communicate(), 30)

    answers = [json.loads(_without_id(line)) for line in output.decode().split("\n") if line]
    assert answers == [json.loads(_without_id(line)) for line in (*promised, refusal[1])]


def _without_id(answer: str) -> str:
    return re.sub(r'"id":"[0-9a-f]{24}"', '"id":""', answer)
