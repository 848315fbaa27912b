"""All indexes and validators: declared here, created at startup, checked by readiness.

`one_team_per_user` is G1 itself. It is partial because a plain unique index on an array gives every
empty team the same key; `{"$gte": ""}` indexes all strings and none of the empty arrays, and the
planner still uses it for a query by user id.
"""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, IndexModel

TEAMS = "teams"
TEAM_CHANGES = "team_changes"
REQUESTS = "requests"
RECORDER = "recorder"
TEAM_REPAIRS = "team_repairs"

ONE_TEAM_PER_USER = IndexModel(
    [("userIds", ASCENDING)],
    name="one_team_per_user",
    unique=True,
    partialFilterExpression={"userIds": {"$gte": ""}},
)
ONE_TEAM_PER_CREATION_REQUEST = IndexModel(
    [("creation.requestId", ASCENDING), ("creation.actorId", ASCENDING)],
    name="one_team_per_creation_request",
    unique=True,
    partialFilterExpression={"creation.requestId": {"$exists": True}},
)
# Live teams have no `deletedAt`, so an equality on null leads straight into the sort order.
LIVE_TEAMS_BY_NAME = IndexModel(
    [("deletedAt", ASCENDING), ("name", ASCENDING), ("_id", ASCENDING)], name="live_teams_by_name"
)
LIVE_TEAMS_BY_CREATION = IndexModel(
    [("deletedAt", ASCENDING), ("createdAt", ASCENDING), ("_id", ASCENDING)],
    name="live_teams_by_creation",
)
# An array sorts by its least or its greatest element, so it has no single place in the order; an
# undefined value sorts apart from null and compares as null.
UNORDERED = ["array", "undefined"]
UNORDERED_TEAMS = IndexModel(
    [("deletedAt", ASCENDING), ("_id", ASCENDING)],
    name="unordered_teams",
    partialFilterExpression={
        "$or": [{"name": {"$type": UNORDERED}}, {"createdAt": {"$type": UNORDERED}}]
    },
)

TEAM_INDEXES = (
    ONE_TEAM_PER_USER,
    ONE_TEAM_PER_CREATION_REQUEST,
    LIVE_TEAMS_BY_NAME,
    LIVE_TEAMS_BY_CREATION,
    UNORDERED_TEAMS,
)
TEAM_INDEX_NAMES = frozenset(index.document["name"] for index in TEAM_INDEXES)

# G6: a version of a team is recorded once, whoever records it.
ONE_CHANGE_PER_VERSION = IndexModel(
    [("teamId", ASCENDING), ("version", ASCENDING)], name="one_change_per_version", unique=True
)
ONE_CHANGE_PER_POSITION = IndexModel(
    [("position", ASCENDING)], name="one_change_per_position", unique=True
)
CHANGES_BY_TEAM = IndexModel(
    [("teamId", ASCENDING), ("position", ASCENDING)], name="changes_by_team"
)
CHANGES_BY_USER = IndexModel(
    [("userId", ASCENDING), ("position", ASCENDING)],
    name="changes_by_user",
    partialFilterExpression={"userId": {"$gte": ""}},
)
CHANGE_INDEXES = (
    ONE_CHANGE_PER_VERSION,
    ONE_CHANGE_PER_POSITION,
    CHANGES_BY_TEAM,
    CHANGES_BY_USER,
)

CHANGE_INDEX_NAMES = frozenset(index.document["name"] for index in CHANGE_INDEXES)

ONE_MARK_PER_REQUEST = IndexModel(
    [("id", ASCENDING), ("actorId", ASCENDING)], name="one_mark_per_request", unique=True
)
REQUEST_EXPIRY = "request_expiry"

# For every writer, also external ones. The service's own limits on names and ids are tighter; this
# is what the guarantees need: an array of distinct strings, and a version.
TEAM_VALIDATOR: dict[str, Any] = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["name", "userIds", "version"],
        "properties": {
            "_id": {"bsonType": ["objectId", "string"]},
            "name": {"bsonType": "string"},
            "userIds": {
                "bsonType": "array",
                "uniqueItems": True,
                "items": {"bsonType": "string", "minLength": 1, "maxLength": 128},
            },
            "version": {"bsonType": ["int", "long"], "minimum": 1},
            "capacity": {"bsonType": ["int", "long"], "minimum": 1},
            "createdAt": {"bsonType": "date"},
            "updatedAt": {"bsonType": "date"},
            "deletedAt": {"bsonType": "date"},
            "lastChange": {"bsonType": "object"},
            "requests": {"bsonType": "array"},
        },
    }
}

# The part that G1 and G2 need. The validators of all releases include it: while releases run side
# by side, an older instance finds the validator of a newer one.
GUARANTEED_VALIDATOR: dict[str, Any] = {
    "$jsonSchema": {
        "required": ["userIds", "version"],
        "properties": {
            "userIds": {
                "bsonType": "array",
                "uniqueItems": True,
                "items": {"bsonType": "string"},
            }
        },
    }
}

# The options by which MongoDB distinguishes indexes on the same fields.
_IDENTITY = ("unique", "sparse", "partialFilterExpression", "collation")


def is_same_index(index: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if two indexes, as the database describes them, are equal except for the name."""
    return (
        list(index["key"].items()) == list(other["key"].items())
        and all((index.get(option) or None) == (other.get(option) or None) for option in _IDENTITY)
        and index.get("expireAfterSeconds") == other.get("expireAfterSeconds")
    )


def is_validator_in_force(options: Mapping[str, Any]) -> bool:
    """True if a collection with these options has exactly our validator, strict, with errors."""
    return options.get("validator") == TEAM_VALIDATOR and refuses_all_that(options, {})


def refuses_all_that(options: Mapping[str, Any], validator: Mapping[str, Any]) -> bool:
    """True if a collection with these options rejects everything that the validator rejects."""
    return (
        _demands(options.get("validator", {}), validator)
        and options.get("validationLevel", "strict") == "strict"
        and options.get("validationAction", "error") == "error"
    )


def _demands(found: Any, needed: Any) -> bool:  # noqa: ANN401 - any part of a JSON Schema
    """True if the found schema contains the needed one; further parts only reject more."""
    if not isinstance(needed, Mapping):
        return bool(found == needed)
    return isinstance(found, Mapping) and all(
        {*part} <= {*found.get(name, ())} if name == "required" else _demands(found.get(name), part)
        for name, part in needed.items()
    )
