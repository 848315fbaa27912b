"""Our own server, unchanged, but with its commands about a user's team written down as steps.

It is `team-joiner serve`, with a listener of the driver's before it; its argument is the file.
"""

import sys
from pathlib import Path
from time import monotonic_ns
from typing import Any

from pymongo import monitoring

from app.main import main
from tests.lab.processes import end_with_input
from tests.lab.race.steps import Step, StepLog, What

DUPLICATE_KEY = 11000

Command = dict[str, Any]


class StepListener(monitoring.CommandListener):
    """Writes down each attempt to put a user on a team, and each read that looks for a reason."""

    def __init__(self, steps: StepLog) -> None:
        self._steps = steps
        self._under_way: dict[int, tuple[What, str, str, int]] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        command = dict(event.command)
        if about := _write(command) or _read(command):
            self._under_way[event.request_id] = (*about, monotonic_ns())

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        accepted = "accepted" if event.reply.get("value") else "matched nothing"
        self._ended(event.request_id, accepted)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        by_index = event.failure.get("code") == DUPLICATE_KEY
        self._ended(event.request_id, "refused by the index" if by_index else "failed")

    def _ended(self, request_id: int, found: str) -> None:
        if step := self._under_way.pop(request_id, None):
            what, user, team, began = step
            found = found if what == "write" else "the reason"
            self._steps.write(Step(what, user, team, began, monotonic_ns(), found))


def _write(command: Command) -> tuple[What, str, str] | None:
    """The conditional write that puts a user on a team."""
    match command:
        case {
            "findAndModify": "teams",
            "query": {"_id": team},
            "update": {"$push": {"userIds": {"$each": [user]}}},
        }:
            return "write", user, str(team)
    return None


def _read(command: Command) -> tuple[What, str, str] | None:
    """The read after a refused write: the team, and whichever team the user is on."""
    match command:
        case {
            "find": "teams",
            "filter": {"$or": [{"_id": {"$in": [team]}}, {"userIds": {"$in": [user]}}]},
        }:
            return "read", user, str(team)
    return None


if __name__ == "__main__":
    end_with_input()
    monitoring.register(StepListener(StepLog(Path(sys.argv.pop()))))
    main(["serve"])
