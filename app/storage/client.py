"""How this service talks to MongoDB: time limits, and the concerns that G5 rests on."""

import threading
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError
from pymongo.read_concern import ReadConcern

from app.domain.faults import DatabaseUnsuitable
from app.storage.indexes import TEAMS

# An acknowledged write is on the journals of a majority and so survives the loss of any minority;
# a majority read sees only such writes. Both are pinned: a connection string can't lower them.
MAJORITY_WRITES = WriteConcern("majority", j=True)
MAJORITY_READS = ReadConcern("majority")

# The driver says goodbye to the database, and by itself waits 10 s for the answer.
CLOSE_SECONDS = 2

Client = AsyncIOMotorClient[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]


def connect(uri: str, *, timeout_seconds: float) -> Client:
    """A client on the running event loop; it connects in the background and never blocks here.

    *Limits*: every operation, with all that it waits for, ends within `timeout_seconds`.
    *Raises*: `DatabaseUnsuitable` for a connection string that can't be used.
    """
    timeout_ms = int(timeout_seconds * 1000)
    try:
        return AsyncIOMotorClient(
            uri,
            appname="team-joiner",
            tz_aware=True,
            timeoutMS=timeout_ms,
            serverSelectionTimeoutMS=timeout_ms,
            connectTimeoutMS=timeout_ms,
        )
    except (ConfigurationError, ValueError) as error:
        raise DatabaseUnsuitable(f"MONGODB_URI can't be used: {error}") from error


def close(client: Client) -> None:
    """Closes a client; not even a silent database delays that by more than `CLOSE_SECONDS`."""
    closing = threading.Thread(target=client.close, daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)


def teams_of(client: Client, database: str) -> Collection:
    """The collection of teams, read and written by majority on the primary."""
    return client[database].get_collection(
        TEAMS,
        read_preference=ReadPreference.PRIMARY,
        read_concern=MAJORITY_READS,
        write_concern=MAJORITY_WRITES,
    )
