"""The doctor as a process, and damaged collections."""

import json
import os
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from bson import DatetimeMS, Int64, ObjectId
from bson.binary import Binary
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from app.storage.client import Client
from tests.harness.commands import communicate, start_module

DEADLINE_SECONDS = 60
KILLED = -9

RAW: CodecOptions[RawBSONDocument] = CodecOptions(RawBSONDocument)


@dataclass(frozen=True)
class Ended:
    """Exit status and output of a finished run."""

    status: int
    output: str
    errors: str

    @property
    def report(self) -> Any:
        """The parsed output of `--json`."""
        return json.loads(self.output)


async def run_doctor(
    mongodb_uri: str, database: str, *arguments: str, dies_at: str | None = None
) -> Ended:
    """Run `team-joiner doctor`, killed at the step `dies_at` (`dying_doctor.py`)."""
    module = "app.main" if dies_at is None else "tests.harness.dying_doctor"
    given = {
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database,
        "DIES_AT": dies_at or "",
    }
    process = await start_module(module, "doctor", *arguments, environment=os.environ | given)
    output, errors = await communicate(process, timeout_seconds=DEADLINE_SECONDS)
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


def damaged_teams() -> list[dict[str, Any]]:
    """A team for each kind of damage, and valid teams."""
    user = ObjectId()
    return [
        {"userIds": ["sue", "ann"]},
        {"name": "Blue", "userIds": ["sue", "bob", "bob"], "leader": "bob"},
        {"name": " Green\n", "userIds": [user, 5, 5.0, "5", None, {"a": 1}, [], " joe ", "Jörg"]},
        {"name": "No users", "more": {"deep": [1, {"z": Int64(3), "a": 1.5}]}},
        {"name": "Null", "userIds": None},
        {"name": "Scalar", "userIds": "zoe"},
        {"name": 7, "userIds": [], "capacity": "five", "version": "2"},
        {"_id": 5, "name": "Five", "userIds": ["kim"]},
        {"_id": "5", "name": "Five too", "userIds": ["sue"], "version": 1},
        {"_id": 6.0, "name": "Six", "userIds": ["max"]},
        {"_id": Binary.from_uuid(UUID(int=77)), "name": "UUID", "userIds": ["kim"]},
        {"_id": {"b": 1, "a": 2}, "name": "Document", "userIds": ["u1"]},
        {"_id": "a b", "name": "Space", "userIds": ["u2"]},
        {"_id": "a" * 24, "name": "Looks like another", "userIds": ["u3"]},
        {"name": "Over", "userIds": [f"m{number}" for number in range(1_005)]},
        {"name": "Over its own", "version": 3, "capacity": 2, "userIds": ["a1", "a2", "a3"]},
        {"name": "Deleted", "version": 3, "deletedAt": DatetimeMS(1), "userIds": ["ann", "kim"]},
        {"name": "Times", "userIds": [], "createdAt": "2020-01-02T03:04:05Z", "deletedAt": None},
        {"name": "Far", "userIds": [], "createdAt": DatetimeMS(10**15), "requests": [1]},
        {"name": "Marks", "version": 2, "userIds": [], "creation": {"requestId": "r"}},
        {"name": "Whole", "version": Int64(9), "userIds": ["whole"], "color": "red"},
        {"_id": "own", "name": "Whole too", "version": 1, "userIds": []},
    ]


async def stored_teams(client: Client, database: str) -> set[bytes]:
    """All documents, byte for byte."""
    found = client[database].get_collection("teams", codec_options=RAW).find()
    return {bytes(cast("RawBSONDocument", document).raw) async for document in found}


async def stored_form(client: Client, database: str) -> tuple[Any, Any]:
    """The collection's options, and its indexes by name."""
    teams = client[database]["teams"]
    return await teams.options(), await teams.index_information()


async def end_lease(client: Client, database: str) -> None:
    """Expire the lease of a killed process."""
    await client[database]["recorder"].update_one({}, {"$set": {"expiresAt": DatetimeMS(0)}})


async def places_of(client: Client, database: str) -> dict[str, str]:
    """The name of the team of each user."""
    teams = await client[database]["teams"].find().to_list(None)
    return {user: team["name"] for team in teams for user in team["userIds"]}


async def broken_rules(client: Client, database: str) -> list[str]:
    """Violations in the final state, found without the code under test."""
    teams = await client[database]["teams"].find().to_list(None)
    places: dict[str, list[str]] = {}
    broken = []
    for team in teams:
        if len(set(team["userIds"])) < len(team["userIds"]):
            broken.append(f"team {team['_id']} names a user twice")
        if not isinstance(team["version"], int) or team["version"] < 1:
            broken.append(f"team {team['_id']} has the version {team['version']}")
        if len(team["userIds"]) > team.get("capacity", 1_000):
            broken.append(f"team {team['_id']} is over its limit")
        for user in team["userIds"]:
            places.setdefault(user, []).append(str(team["_id"]))
    return broken + [f"{user} is on {on}" for user, on in places.items() if len(on) > 1]
