"""The doctor takes the recorder's lease: then no server is alive, and no other doctor at work.

Every live server tries to hold the lease, so while we have it nobody of us records or repairs. A
server that starts meanwhile finds its data damaged and ends. Programs that know no lease are found
out by the condition of each write instead.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from pymongo.errors import PyMongoError

from app.domain.faults import DatabaseUnavailable, RepairStopped
from app.storage.client import Client, Collection, recorder_of
from app.storage.lease import (
    LEASE_SECONDS,
    RENEW_SECONDS,
    Lease,
    keep_lease,
    release_lease,
    take_lease,
)

# A server that was killed leaves a lease that runs out by itself: so long we wait for it.
PATIENCE_SECONDS = LEASE_SECONDS + 2
RETRY_SECONDS = 0.25


class LeaseGuard:
    """The lease, as long as it is ours."""

    def __init__(self, recorder: Collection, lease: Lease) -> None:
        self._recorder = recorder
        self._lease = lease
        self._is_lost = False

    def check(self) -> None:
        """*Raises*: `RepairStopped` when somebody else has taken the lease; before each write."""
        if self._is_lost:
            raise RepairStopped(
                "A server, or another doctor, has started on this database in the meantime. "
                "Stop it, then run this again: it goes on where it was."
            )

    async def keep(self) -> None:
        """Renews the lease until it is cancelled; what the recorder knows stays as it is."""
        while not self._is_lost:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                kept = await keep_lease(self._recorder, self._lease, self._lease.resume_token)
                self._is_lost = not kept
            except (DatabaseUnavailable, PyMongoError):
                continue  # the writes will tell, or the next renewal finds it lost

    async def release(self) -> None:
        """Gives the lease back."""
        with suppress(DatabaseUnavailable, PyMongoError):  # then it runs out by itself
            await release_lease(self._recorder, self._lease)


@asynccontextmanager
async def exclusive_access(client: Client, database: str) -> AsyncIterator[LeaseGuard]:
    """The guard, once nobody else holds the lease. *Raises*: `RepairStopped`."""
    recorder = recorder_of(client, database)
    guard = LeaseGuard(recorder, await _take(recorder, database))
    keeping = asyncio.create_task(guard.keep())
    try:
        yield guard
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await guard.release()


async def _take(recorder: Collection, database: str) -> Lease:
    holder = f"doctor-{uuid4().hex}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if lease := await take_lease(recorder, holder):
            return lease
        await asyncio.sleep(RETRY_SECONDS)
    raise RepairStopped(
        f"A server is alive on the database {database}, or another doctor is at work. Nothing has "
        "been changed. Stop every server, then run this again."
    )
