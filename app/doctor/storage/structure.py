"""Indexes and validator of the collection: find and drop those that block the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import Client, settled, teams_of
from app.storage.indexes import (
    ONE_TEAM_PER_USER,
    TEAM_INDEXES,
    TEAMS,
    is_same_index,
    is_validator_in_force,
)

_OURS: Mapping[str, Mapping[str, Any]] = {
    index.document["name"]: index.document for index in TEAM_INDEXES
}
_G1: str = ONE_TEAM_PER_USER.document["name"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An index or validator that blocks the service, and how a repair changes it."""

    what: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Structure:
    """Options and indexes of the collection, as MongoDB reports them; none if it is missing."""

    options: Mapping[str, Any]
    indexes: Sequence[Mapping[str, Any]]

    def obstacles(self) -> Sequence[Obstacle]:
        """Obstacles for the report."""
        found = [
            Obstacle(f"index {index['name']} on {', '.join(index['key'])}", becomes)
            for index in self.indexes
            if (becomes := _becomes(index))
        ]
        if self.options.get("validator") and not is_validator_in_force(self.options):
            found.append(Obstacle("a foreign validator", "replaces it"))
        return found


async def read_structure(client: Client, database: str) -> Structure:
    """Read the structure. *Raises*: `DatabaseUnsuitable` if it has unsupported options."""
    cursor = await client[database].list_collections(filter={"name": TEAMS})
    described = await cursor.to_list(None)
    if not described:
        return Structure(options={}, indexes=())
    options = described[0]["options"]
    for option in ("capped", "collation", "timeseries", "viewOn", "clusteredIndex"):
        if options.get(option):
            raise DatabaseUnsuitable(
                f"The collection {database}.{TEAMS} was created with the option {option!r}, which "
                "can't be changed. Copy its documents into an ordinary collection of that name."
            )
    found = await settled(teams_of(client, database).list_indexes())
    return Structure(options, [dict(index) for index in await found.to_list(None)])


async def drop_indexes(client: Client, database: str, *, obstacles: bool) -> None:
    """Drop G1's index, which rejects a user on several teams, and also those that conflict."""
    for index in (await read_structure(client, database)).indexes:
        if index["name"] == _G1 or (obstacles and _becomes(index)):
            await teams_of(client, database).drop_index(index["name"])


async def enforce_validation(client: Client, database: str) -> None:
    """Make the validator of an existing collection reject invalid documents, not only warn."""
    if (await read_structure(client, database)).indexes:
        strict = {"validationLevel": "strict", "validationAction": "error"}
        await client[database].command({"collMod": TEAMS, **strict})


def _becomes(index: Mapping[str, Any]) -> str | None:
    """The repair of an index that blocks the service; None for any other index.

    A foreign unique index rejects valid changes: on `userIds` it permits a single empty team. A
    TTL index deletes teams as soon as they get dates.
    """
    ours = _OURS.get(index["name"])
    if index["name"] == "_id_" or (ours and is_same_index(index, ours)):
        return None
    if "expireAfterSeconds" in index:
        return "drops it, since it would delete teams"
    if ours:
        return "rebuilds it with the correct options"
    if index.get("unique"):
        return "drops it, since it would reject valid changes"
    if any(is_same_index(index, each) for each in _OURS.values()):
        return "drops it, since it duplicates an index of the service"
    return None
