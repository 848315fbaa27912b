"""Connections of the doctor to one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from textwrap import shorten
from typing import Final

from pymongo.errors import OperationFailure

from app.doctor.storage.exclusive_access import exclusive_access
from app.doctor.storage.repairs import RepairableTeams
from app.doctor.storage.teams import StoredTeams
from app.domain.faults import RepairStopped
from app.storage.client import Client, close, connect_for_repair
from app.storage.errors import UNAUTHORIZED, driver_faults, set_up_faults
from app.storage.preparation import check_deployment

MAX_MESSAGE: Final = 200
"""Maximum characters of MongoDB's message, which quotes the whole command."""


class DatabaseAccess:
    """Access to a deployment, whose suitability each method checks first.

    *Raises*: `DatabaseUnsuitable`, `DatabaseUnavailable`, `RepairStopped` if the database user
    lacks a permission; `repairing` also while a server is running.
    """

    def __init__(self, uri: str, database: str, *, request_memory_hours: int) -> None:
        self._uri = uri
        self.database = database
        self._request_memory_hours = request_memory_hours

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[StoredTeams]:
        """The collection, read-only."""
        async with self._connected() as client:
            yield StoredTeams(client, self.database)

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[RepairableTeams]:
        """The collection, writable; excludes servers and other doctors."""
        async with self._connected() as client, exclusive_access(client, self.database) as guard:
            hours = self._request_memory_hours
            yield RepairableTeams(client, self.database, guard, request_memory_hours=hours)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = connect_for_repair(self._uri)
        try:
            with driver_faults(), set_up_faults():
                await check_deployment(client)
            yield client
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            message = shorten(
                str((error.details or {}).get("errmsg")), MAX_MESSAGE, placeholder="…"
            )
            raise RepairStopped(
                "The database user lacks a privilege: grant it the role in app/doctor/README.md, "
                f"then run this again. MongoDB says: {message}"
            ) from error
        finally:
            await close(client)
