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
    """Options and indexes of the collection, as MongoDB reports them."""

    exists: bool
    options: Mapping[str, Any]
    indexes: tuple[Mapping[str, Any], ...]

    @property
    def has_foreign_validator(self) -> bool:
        """Whether a validator exists that is not the service's own in full force."""
        return bool(self.options.get("validator")) and not is_validator_in_force(self.options)

    def obstacles(self) -> Sequence[Obstacle]:
        """Obstacles for the report."""
        found = [
            Obstacle(f"index {index['name']} on {', '.join(index['key'])}", _consequence(index))
            for index in self.indexes
            if _is_obstacle(index)
        ]
        if self.has_foreign_validator:
            found.append(Obstacle("a foreign validator", "replaces it"))
        return found


async def read_structure(client: Client, database: str) -> Structure:
    """Read the structure. *Raises*: `DatabaseUnsuitable` if it has unsupported options."""
    cursor = await client[database].list_collections(filter={"name": TEAMS})
    described = await cursor.to_list(None)
    if not described:
        return Structure(exists=False, options={}, indexes=())
    (collection,) = described
    options = collection["options"]
    for option in ("capped", "collation", "timeseries", "viewOn", "clusteredIndex"):
        if options.get(option):
            raise DatabaseUnsuitable(
                f"The collection {database}.{TEAMS} was created with the option {option!r}, which "
                "can't be changed. Copy its documents into an ordinary collection of that name."
            )
    found = await settled(teams_of(client, database).list_indexes())
    indexes = await found.to_list(None)
    return Structure(exists=True, options=options, indexes=tuple(map(dict, indexes)))


async def clear_structure(client: Client, database: str) -> None:
    """Drop conflicting indexes, and G1's, which rejects intermediate states."""
    for index in (await read_structure(client, database)).indexes:
        if index["name"] == _G1 or _is_obstacle(index):
            await teams_of(client, database).drop_index(index["name"])


async def drop_unique_index(client: Client, database: str) -> None:
    """Drop G1's index, which rejects a user on several teams."""
    if any(index["name"] == _G1 for index in (await read_structure(client, database)).indexes):
        await teams_of(client, database).drop_index(_G1)


async def enforce_validation(client: Client, database: str) -> None:
    """Make the validator reject invalid documents instead of warning."""
    if (await read_structure(client, database)).exists:
        strict = {"validationLevel": "strict", "validationAction": "error"}
        await client[database].command({"collMod": TEAMS, **strict})


def _is_obstacle(index: Mapping[str, Any]) -> bool:
    """Whether an index conflicts: our name or keys taken, a foreign unique index, or a TTL index.

    A foreign unique index rejects valid changes: on `userIds` it permits a single empty team. A
    TTL index deletes teams as soon as they get dates.
    """
    if index["name"] == "_id_":
        return False
    ours = _OURS.get(index["name"])
    if ours is not None:
        return not is_same_index(index, ours)
    if index.get("unique") or "expireAfterSeconds" in index:
        return True
    return any(is_same_index(index, each) for each in _OURS.values())


def _consequence(index: Mapping[str, Any]) -> str:
    if "expireAfterSeconds" in index:
        return "drops it, since it would delete teams"
    if index["name"] in _OURS:
        return "rebuilds it with the correct options"
    if index.get("unique"):
        return "drops it, since it would reject valid changes"
    return "drops it, since it duplicates an index of the service"
