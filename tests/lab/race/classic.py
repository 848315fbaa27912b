"""The classic code as a server process: check first, write after. It is wrong on purpose.

It speaks straight to MongoDB and answers a line of JSON for each line it gets on a TCP connection.
Its arguments are the URI, the database, and the file for its steps; it ends when its input does.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection

from tests.lab.processes import end_with_input
from tests.lab.race.steps import Step, StepLog

Call = Callable[..., Awaitable[str | None]]
Teams = AsyncIOMotorCollection[dict[str, Any]]


class Classic:
    """The check-then-write code."""

    def __init__(self, teams: Teams, steps: StepLog) -> None:
        self._teams = teams
        self._steps = steps

    async def add(self, user: str, team: str) -> str | None:
        began = monotonic_ns()
        already_on = await self._teams.find_one({"userIds": user})
        found = "on a team" if already_on else "on no team"
        self._steps.write(Step("check", user, team, began, monotonic_ns(), found))
        if already_on:
            return "Already on a team!"

        began = monotonic_ns()
        await self._teams.update_one({"_id": ObjectId(team)}, {"$push": {"userIds": user}})
        self._steps.write(Step("write", user, team, began, monotonic_ns(), "done"))
        return None

    async def leave(self, user: str, team: str) -> str | None:
        if not await self._teams.find_one({"_id": ObjectId(team), "userIds": user}):
            return "Not on this team!"
        began = monotonic_ns()
        await self._teams.update_one({"_id": ObjectId(team)}, {"$pull": {"userIds": user}})
        self._steps.write(Step("leave", user, team, began, monotonic_ns(), "done"))
        return None

    async def find_team(self, user: str) -> str | None:
        team = await self._teams.find_one({"userIds": user})
        return str(team["_id"]) if team else None


async def _serve(uri: str, database: str, steps: StepLog) -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(uri)
    classic = Classic(client[database]["teams"], steps)
    calls: dict[str, Call] = {
        "add": classic.add,
        "leave": classic.leave,
        "find_team": classic.find_team,
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            name, *arguments = json.loads(line)
            writer.write(json.dumps(await calls[name](*arguments)).encode() + b"\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"Serving on http://127.0.0.1:{port}\nstartup complete", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    end_with_input()
    asyncio.run(_serve(sys.argv[1], sys.argv[2], StepLog(Path(sys.argv[3]))))
