"""`team-joiner doctor` on a large collection, a third of it damaged: its time and its memory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from uuid import uuid4

import click
from bson import ObjectId
from pymongo import MongoClient

from tests.lab.options import CONTEXT
from tests.lab.processes import deployment

MEMBERS = 5
BATCH = 10_000
POLL_SECONDS = 0.2


@click.command(context_settings=CONTEXT)
@click.option("--documents", default=1_000_000, help="How many teams.")
@click.option("--mongodb-uri", help="A replica set to use; by default one is started.")
def main(documents: int, mongodb_uri: str | None) -> None:
    """Fills a collection as check-then-act code does, then examines, repairs and restores it."""
    database = f"bench_{uuid4().hex[:8]}"
    with deployment(mongodb_uri) as uri:
        client: MongoClient[dict[str, Any]] = MongoClient(uri)
        try:
            for batch in _batches(documents):
                client[database].teams.insert_many(batch, ordered=False)
            click.echo(f"{documents:,} teams of {MEMBERS} members, a third of them damaged:")
            click.echo(f"  {'doctor':28}{'status':>7}{'seconds':>9}{'most memory MB':>16}")
            for arguments in ((), ("--repair", "--keep", "first-joined"), (), ("--undo",)):
                _run(uri, database, *arguments)
        finally:
            client.drop_database(database)
            client.close()


def _batches(documents: int) -> Iterator[list[dict[str, Any]]]:
    """Of three teams one is damaged: no version, a user twice, and a user of the team before."""
    for start in range(0, documents, BATCH):
        yield [_team(number) for number in range(start, min(start + BATCH, documents))]


def _team(number: int) -> dict[str, Any]:
    user_ids = [f"user-{number}-{member}" for member in range(MEMBERS)]
    team: dict[str, Any] = {"_id": ObjectId(), "name": f"Team {number}", "userIds": user_ids}
    if number % 3:
        return {**team, "version": 1}
    team["userIds"] = [*user_ids[1:], user_ids[1], f"user-{max(number - 1, 0)}-0"]
    return team


def _run(uri: str, database: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "app.main", "doctor", *arguments]
    environment = os.environ | {"MONGODB_URI": uri, "MONGODB_DATABASE": database}
    began = perf_counter()
    most = 0.0
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as doctor:
        while doctor.poll() is None:
            most = max(most, _most_memory(doctor.pid))
            sleep(POLL_SECONDS)
    seconds = perf_counter() - began
    click.echo(
        f"  {' '.join(arguments) or '(examine)':28}{doctor.returncode:7}{seconds:9.0f}{most:16.0f}"
    )


def _most_memory(process_id: int) -> float:
    """The most physical memory that a process has had so far, in MB (`VmHWM`)."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1000 if lines else 0


if __name__ == "__main__":
    main(prog_name="scripts/bench doctor")
