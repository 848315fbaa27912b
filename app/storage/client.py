"""How this service talks to MongoDB: time limits, and the concerns that G5 rests on."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from bson import Timestamp
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.read_concern import ReadConcern

from app.domain.faults import DatabaseUnsuitable
from app.domain.ids import CommitTime
from app.storage.indexes import RECORDER, REQUESTS, TEAM_CHANGES, TEAM_REPAIRS, TEAMS
from app.storage.observer import Listener

# An acknowledged write is on the journals of a majority and so survives the loss of any minority;
# a majority read sees only such writes. Both are pinned: a connection string can't lower them.
MAJORITY_WRITES = WriteConcern("majority", j=True)
MAJORITY_READS = ReadConcern("majority")


class SnapshotReads(ReadConcern):
    """Reads of what a majority had at one moment; the server keeps it for five minutes."""

    def __init__(self, at: CommitTime) -> None:
        super().__init__("snapshot")
        self._at = Timestamp(at >> 32, at & 0xFFFFFFFF)

    @property
    def document(self) -> dict[str, Any]:
        """The read concern as it is sent; the driver has no option for the moment."""
        return {"level": self.level, "atClusterTime": self._at}


# A stream's read is answered every half second even when nothing happens.
STREAM_SILENCE_SECONDS = 5

# Long enough for an election, short enough for somebody who mistyped a host name.
REPAIR_PATIENCE_SECONDS = 15

# For each goodbye to the database, which may be silent; the driver by itself waits 10 s.
CLOSE_SECONDS = 1.0

Client = AsyncIOMotorClient[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]


def connect(uri: str, *, timeout_seconds: float, listeners: Sequence[Listener] = ()) -> Client:
    """A client on the running event loop; it connects in the background and never blocks here.

    *Limits*: every operation, with all that it waits for, ends within `timeout_seconds`.
    *Raises*: `DatabaseUnsuitable` for a connection string that can't be used.
    """
    return _connect(uri, timeout_seconds, listeners, operation_seconds=timeout_seconds)


def connect_for_streams(uri: str, *, listeners: Sequence[Listener] = ()) -> Client:
    """A client for change streams, whose reads wait for news longer than a request may.

    *Limits*: a connection on which nothing comes for `STREAM_SILENCE_SECONDS` counts as broken,
    though nobody has closed it. *Raises*: as `connect`.
    """
    return _connect(uri, STREAM_SILENCE_SECONDS, listeners, silence_seconds=STREAM_SILENCE_SECONDS)


def connect_for_repair(uri: str) -> Client:
    """A client for the doctor, whose index builds take as long as they take.

    *Limits*: a database that can't be reached is given up after `REPAIR_PATIENCE_SECONDS`.
    *Raises*: as `connect`.
    """
    return _connect(uri, REPAIR_PATIENCE_SECONDS, ())


def _connect(
    uri: str,
    timeout_seconds: float,
    listeners: Sequence[Listener],
    *,
    operation_seconds: float | None = None,
    silence_seconds: float | None = None,
) -> Client:
    timeout_ms = int(timeout_seconds * 1000)
    try:
        return AsyncIOMotorClient(
            uri,
            appname="team-joiner",
            tz_aware=True,
            # Whatever another program has written can be read: a date that Python's type can't
            # hold is a `DatetimeMS`, and bytes that are no UTF-8 are U+FFFD.
            datetime_conversion="DATETIME_AUTO",
            unicode_decode_error_handler="replace",
            event_listeners=list(listeners),
            serverSelectionTimeoutMS=timeout_ms,
            connectTimeoutMS=timeout_ms,
            timeoutMS=operation_seconds and int(operation_seconds * 1000),
            socketTimeoutMS=silence_seconds and int(silence_seconds * 1000),
        )
    except InvalidURI as error:  # it may quote a part of the password
        raise DatabaseUnsuitable(
            "MONGODB_URI can't be used: write mongodb://USER:PASSWORD@HOST,HOST/?replicaSet=NAME, "
            "and percent-encode in user and password what is no letter or digit."
        ) from error
    except OSError as error:
        raise DatabaseUnsuitable(
            f"A file that MONGODB_URI names for TLS can't be used: {error}"
        ) from error
    except (ConfigurationError, ValueError) as error:
        raise DatabaseUnsuitable(f"MONGODB_URI can't be used: {error}") from error


def close(*clients: Client) -> None:
    """Closes clients; not even a silent database delays that by more than `CLOSE_SECONDS`."""
    closing = [threading.Thread(target=client.close, daemon=True) for client in clients]
    for each in closing:
        each.start()
    deadline = time.monotonic() + CLOSE_SECONDS
    for each in closing:
        each.join(max(0, deadline - time.monotonic()))


def teams_of(client: Client, database: str) -> Collection:
    """The collection of teams."""
    return _collection(client, database, TEAMS)


def team_changes_of(client: Client, database: str) -> Collection:
    """The change log."""
    return _collection(client, database, TEAM_CHANGES)


def team_repairs_of(client: Client, database: str) -> Collection:
    """The journal of repairs."""
    return _collection(client, database, TEAM_REPAIRS)


def requests_of(client: Client, database: str) -> Collection:
    """The requests that are remembered for a while."""
    return _collection(client, database, REQUESTS)


def recorder_of(client: Client, database: str) -> Collection:
    """The collection of the one document that says who records, and how far."""
    return _collection(client, database, RECORDER)


def _collection(client: Client, database: str, name: str) -> Collection:
    """A collection, read and written by majority on the primary."""
    return client[database].get_collection(
        name,
        read_preference=ReadPreference.PRIMARY,
        read_concern=MAJORITY_READS,
        write_concern=MAJORITY_WRITES,
    )
