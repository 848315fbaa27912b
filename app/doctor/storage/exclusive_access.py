"""Exclusive access of the doctor, by holding the recorder's lease.

Every live server competes for the lease, so while the doctor holds it none of them records and no
other doctor repairs. Programs that ignore the lease are detected by the condition of each write.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from pymongo.errors import PyMongoError

from app.domain.faults import DatabaseUnavailable, RepairStopped
from app.storage.changes.lease import (
    LEASE_SECONDS,
    RENEW_SECONDS,
    Lease,
    keep_lease,
    release_lease,
    take_lease,
)
from app.storage.client import Client, Collection, recorder_of

# Longer than the lease of a killed server takes to expire.
PATIENCE_SECONDS = LEASE_SECONDS + 2
RETRY_SECONDS = 0.25


class LeaseGuard:
    """The held lease."""

    def __init__(self, recorder: Collection, lease: Lease) -> None:
        self._recorder = recorder
        self._lease = lease
        self._is_lost = False

    def check(self) -> None:
        """Check before each write. *Raises*: `RepairStopped` if the lease was lost."""
        if self._is_lost:
            raise RepairStopped(
                "A server or another doctor has started on this database during the run. "
                "Stop it, then run this again to continue."
            )

    async def keep(self) -> None:
        """Renew the lease until cancelled, preserving the recorder's resume token."""
        while not self._is_lost:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                kept = await keep_lease(self._recorder, self._lease, self._lease.resume_token)
                self._is_lost = not kept
            except (DatabaseUnavailable, PyMongoError):
                continue  # the writes fail too, or the next renewal finds it lost


@asynccontextmanager
async def exclusive_access(client: Client, database: str) -> AsyncIterator[LeaseGuard]:
    """Wait for the lease and hold it in this context. *Raises*: `RepairStopped`."""
    recorder, holder = recorder_of(client, database), f"doctor-{uuid4().hex}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (lease := await take_lease(recorder, holder)) is None:
        if time.monotonic() > deadline:
            raise RepairStopped(
                f"A server or another doctor is running on the database {database}. Nothing was "
                "changed. Stop every server, then run this again."
            )
        await asyncio.sleep(RETRY_SECONDS)
    guard = LeaseGuard(recorder, lease)
    keeping = asyncio.create_task(guard.keep())
    try:
        yield guard
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        with suppress(DatabaseUnavailable, PyMongoError):  # then it expires
            await release_lease(recorder, lease)
