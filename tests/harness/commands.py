"""Commands that tests run to their end."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.config import SETTINGS
from tests.harness import preloaded
from tests.harness.preloaded import PreloadedProcess

COMMAND = str(Path(sys.executable).with_name("team-joiner"))
# Workers are started from the main module of their supervisor.
STARTED_AS_INSTALLED = {"--help", "--output", "--workers"}
DEADLINE_SECONDS = 30
VARIABLES = {setting.variable for setting in SETTINGS}


async def start_module(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> Process | PreloadedProcess:
    """Starts `python -m module`, with both outputs to be read: forked where that is possible.

    An import path of its own has no effect on a forked process, whose modules are imported already.
    """
    if preloaded.IS_POSSIBLE and environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH"):
        return await PreloadedProcess.start(module, arguments, environment, reads_stdout=True)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), env=environment, stdout=PIPE, stderr=PIPE
    )


async def communicate(
    process: Process | PreloadedProcess, *, timeout_seconds: float
) -> tuple[bytes, bytes]:
    """The output and error output of a process, which is killed if it does not exit in time.

    *Raises*: `TimeoutError`.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output, errors or b""


@dataclass(frozen=True)
class Ended:
    status: int | None
    output: str


async def run_command(*arguments: str, **environment: str) -> Ended:
    """Run `team-joiner` to its end, in an environment without settings."""
    given = {name: os.environ[name] for name in os.environ if name not in VARIABLES} | environment
    process: Process | PreloadedProcess
    if STARTED_AS_INSTALLED.isdisjoint(arguments):
        process = await start_module("app.main", *arguments, environment=given)
    else:
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, *arguments), env=given, stdout=PIPE, stderr=PIPE
        )
    output, errors = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    return Ended(process.returncode, (output + errors).decode())
