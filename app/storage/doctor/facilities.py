"""What the doctor works with on one database: to look, to repair, to undo."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from app.storage.client import Client, close, connect_for_repair
from app.storage.doctor.classic_teams import MongoClassicTeams, MongoClinic
from app.storage.doctor.guard import alone
from app.storage.doctor.ledger import SqliteLedger, scratch_ledger
from app.storage.doctor.restoration import MongoRestoration
from app.storage.errors import driver_faults, set_up_faults
from app.storage.preparation import check_deployment


class MongoFacilities:
    """`Facilities` on a deployment. Each checks first that we can work on it at all.

    *Raises*: `DatabaseUnsuitable`, `DatabaseUnavailable`; the last two `RepairStopped` while a
    server is alive.
    """

    def __init__(self, uri: str, database: str, *, request_memory_hours: int) -> None:
        self._uri = uri
        self._database = database
        self._request_memory_hours = request_memory_hours

    def ledger(self) -> AbstractContextManager[SqliteLedger]:
        """See `Facilities`."""
        return scratch_ledger()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[MongoClassicTeams]:
        """See `Facilities`."""
        async with self._connected() as client:
            yield MongoClassicTeams(client, self._database)

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[MongoClinic]:
        """See `Facilities`."""
        async with self._connected() as client, alone(client, self._database) as guard:
            yield MongoClinic(
                client,
                self._database,
                guard,
                request_memory_hours=self._request_memory_hours,
            )

    @asynccontextmanager
    async def undoing(self) -> AsyncIterator[MongoRestoration]:
        """See `Facilities`."""
        async with self._connected() as client, alone(client, self._database) as guard:
            yield MongoRestoration(client, self._database, guard)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = connect_for_repair(self._uri)
        try:
            with driver_faults(), set_up_faults():
                await check_deployment(client)
            yield client
        finally:
            close(client)
