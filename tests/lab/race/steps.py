"""A log of the servers' database commands, with their times.

The times are of the machine's monotonic clock, so those of several processes can be compared.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

What = Literal["check", "write", "leave", "read"]


@dataclass(frozen=True)
class Step:
    """One command to the database; `found` is its result."""

    what: What
    user: str
    team: str
    began_ns: int
    ended_ns: int
    found: str


class StepLog:
    """A file of steps that one process writes; threads may share it."""

    def __init__(self, path: Path) -> None:
        # Without a buffer, each line is one write at the end of the file.
        self._file = path.open("ab", buffering=0)

    def write(self, step: Step) -> None:
        self._file.write(json.dumps(asdict(step)).encode() + b"\n")

    def close(self) -> None:
        self._file.close()


def read_steps(path: Path) -> Iterator[Step]:
    """The steps of a file, in the order in which they ended."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            # A server that was killed may have left half a line.
            if line.endswith("\n"):
                yield Step(**json.loads(line))
