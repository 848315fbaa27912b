"""Connections of the doctor to one database."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from textwrap import shorten
from typing import Final

from pymongo.errors import OperationFailure

from app.doctor.storage.exclusive_access import exclusive_access
from app.doctor.storage.membership_index import SqliteMembershipIndex, temporary_membership_index
from app.doctor.storage.teams import MongoRepairableTeams, MongoStoredTeams
from app.doctor.storage.undo import MongoUndoableRepairs
from app.domain.faults import RepairStopped
from app.storage.client import Client, close, connect_for_repair
from app.storage.errors import UNAUTHORIZED, driver_faults, set_up_faults
from app.storage.preparation import check_deployment

MAX_SAID: Final = 200
"""Maximum characters of MongoDB's message, which quotes the whole command."""


class MongoDatabaseAccess:
    """`DatabaseAccess` on a deployment, whose suitability each method checks first.

    *Raises*: `DatabaseUnsuitable`, `DatabaseUnavailable`, `RepairStopped` where the user of the
    database lacks a permission; `repairing` and `undoing` also while a server is alive.
    """

    def __init__(self, uri: str, database: str, *, request_memory_hours: int) -> None:
        self._uri = uri
        self._database = database
        self._request_memory_hours = request_memory_hours

    def membership_index(self) -> AbstractContextManager[SqliteMembershipIndex]:
        return temporary_membership_index()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MongoStoredTeams]:
        async with self._connected() as client:
            yield MongoStoredTeams(client, self._database)

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[MongoRepairableTeams]:
        async with self._connected() as client, exclusive_access(client, self._database) as guard:
            yield MongoRepairableTeams(
                client,
                self._database,
                guard,
                request_memory_hours=self._request_memory_hours,
            )

    @asynccontextmanager
    async def undoing(self) -> AsyncIterator[MongoUndoableRepairs]:
        async with self._connected() as client, exclusive_access(client, self._database) as guard:
            yield MongoUndoableRepairs(client, self._database, guard)

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
            said = shorten(str((error.details or {}).get("errmsg")), MAX_SAID, placeholder="…")
            raise RepairStopped(
                "The user of the database may not do this: give it the doctor's role, which stands "
                f"in the README, and run this again. MongoDB says: {said}"
            ) from error
        finally:
            close(client)
