"""Clients and collections: the driver, time limits, and the concerns that hold G5.

Types are those of PyMongo's async API. Motor's client has the same methods, but some return a
result where PyMongo's return an awaitable, or the other way round: pass these to `settled`.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from inspect import isawaitable
from typing import Any, Final, TypeVar, overload

import pymongo
from bson import Timestamp
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.read_concern import ReadConcern

from app.domain.faults import DatabaseUnsuitable
from app.domain.ids import CommitTime
from app.storage.cancellation import cancellation_kept
from app.storage.indexes import RECORDER, REQUESTS, TEAM_CHANGES, TEAM_REPAIRS, TEAMS
from app.storage.observer import Listener

# An acknowledged write is in the journals of a majority and so survives the loss of any minority; a
# majority read sees only such writes. Both are fixed here: a connection string can't lower them.
MAJORITY_WRITES = WriteConcern("majority", j=True)
MAJORITY_READS = ReadConcern("majority")


class SnapshotReads(ReadConcern):
    """Reads of a majority-committed snapshot, which the server keeps for five minutes."""

    def __init__(self, at: CommitTime) -> None:
        super().__init__("snapshot")
        self._at = Timestamp(at >> 32, at & 0xFFFFFFFF)

    @property
    def document(self) -> dict[str, Any]:
        """The read concern as sent; the driver has no option for the snapshot's time."""
        return {"level": self.level, "atClusterTime": self._at}


# The server answers a stream's read every half second, even without events.
STREAM_SILENCE_SECONDS = 5

# Long enough for an election, short enough after a mistyped host name.
REPAIR_PATIENCE_SECONDS = 15

# For closing a client, a stream or a lease; the driver alone waits 10 s for a silent database.
CLOSE_SECONDS = 1.0

# MongoDB accepts no limit above 24 days. A connection to a silent database ends earlier: the driver
# closes it when its own heartbeats fail.
LONGEST_SECONDS = 7 * 24 * 3600

Client = AsyncMongoClient[dict[str, Any]]
Database = AsyncDatabase[dict[str, Any]]
Collection = AsyncCollection[dict[str, Any]]
Session = AsyncClientSession

T = TypeVar("T")

_DRIVERS: Final[dict[str, Callable[..., Any]]] = {
    "motor": AsyncIOMotorClient,
    "pymongo": AsyncMongoClient,
}


def connect(
    uri: str,
    *,
    timeout_seconds: float,
    listeners: Sequence[Listener] = (),
    driver: str = "motor",
) -> Client:
    """A client on the running event loop; it connects in the background.

    *Limits*: every operation, including its waits, ends within `timeout_seconds`.
    *Raises*: `DatabaseUnsuitable` for an unusable connection string.
    """
    return _connect(driver, uri, timeout_seconds, listeners, operation_seconds=timeout_seconds)


def connect_for_streams(
    uri: str, *, listeners: Sequence[Listener] = (), driver: str = "motor"
) -> Client:
    """A client for change streams, whose reads wait longer for events than a request may.

    *Limits*: a connection without any answer for `STREAM_SILENCE_SECONDS` counts as broken.
    *Raises*: as `connect`.
    """
    silence_seconds = STREAM_SILENCE_SECONDS
    return _connect(driver, uri, silence_seconds, listeners, silence_seconds=silence_seconds)


def connect_for_repair(uri: str) -> Client:
    """A client for the doctor, whose index builds have no time limit. It is always Motor's.

    *Limits*: waits `REPAIR_PATIENCE_SECONDS` for a database that can't be reached.
    *Raises*: as `connect`.
    """
    return _connect("motor", uri, REPAIR_PATIENCE_SECONDS, ())


def _connect(
    driver: str,
    uri: str,
    timeout_seconds: float,
    listeners: Sequence[Listener],
    *,
    operation_seconds: float | None = None,
    silence_seconds: float | None = None,
) -> Client:
    timeout_ms = int(timeout_seconds * 1000)
    try:
        client: Client = _DRIVERS[driver](
            uri,
            appname="team-joiner",
            # Values of external writers must be readable: `documents.DECODED`, by other names.
            tz_aware=True,
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
            "and percent-encode all characters of user and password but letters and digits."
        ) from error
    except OSError as error:
        raise DatabaseUnsuitable(
            f"A file that MONGODB_URI names for TLS can't be used: {error}"
        ) from error
    except (ConfigurationError, ValueError) as error:
        raise DatabaseUnsuitable(f"MONGODB_URI can't be used: {error}") from error
    return client


@overload
async def settled(result: Awaitable[T]) -> T: ...


@overload
async def settled(result: T) -> T: ...


async def settled(result: Any) -> Any:
    """The result of a call that only one of the two drivers makes awaitable.

    These are `start_session`, `start_transaction`, `aggregate` and `list_indexes`.
    """
    return await result if isawaitable(result) else result


async def close(*clients: Client) -> None:
    """Close clients within `CLOSE_SECONDS`, even if the database is silent."""
    of_either: Sequence[Any] = clients
    closing = [
        each.close() if isinstance(each, AsyncMongoClient) else _in_thread(each.close)
        for each in of_either
    ]
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await asyncio.gather(*closing, return_exceptions=True)


async def at_length(target: Any, call: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the driver's
    """The result of `call(target)`, without its client's time limit; a cursor is read to its end.

    *Cancellation*: returns at once. PyMongo closes the connection; Motor's call is left to a daemon
    thread, for which the process does not wait when it exits, as it would for Motor's own. MongoDB
    completes an index build whose client has disconnected.
    """

    async def complete(target: object) -> Any:  # noqa: ANN401 - the driver's
        with pymongo.timeout(LONGEST_SECONDS):
            result = await settled(call(target))
            return await settled(result.to_list()) if hasattr(result, "to_list") else result

    if isinstance(target, AsyncCollection | AsyncDatabase):
        with cancellation_kept():
            return await complete(target)
    # Nothing in it waits for an event loop: all calls of the synchronous driver block.
    return await _in_thread(lambda: asyncio.run(complete(target.delegate)))


async def _in_thread(call: Callable[[], T]) -> T:
    """The result of a blocking call. *Cancellation*: leaves the call to its daemon thread."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(outcome)


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
    """The recorded requests, which expire."""
    return _collection(client, database, REQUESTS)


def recorder_of(client: Client, database: str) -> Collection:
    """The collection of one document: the recorder's lease and its position."""
    return _collection(client, database, RECORDER)


def _collection(client: Client, database: str, name: str) -> Collection:
    """A collection, read and written by majority on the primary."""
    return client[database].get_collection(
        name,
        read_preference=ReadPreference.PRIMARY,
        read_concern=MAJORITY_READS,
        write_concern=MAJORITY_WRITES,
    )
