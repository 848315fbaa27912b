"""The database's clock, so that a measured lag does not depend on this host's clock."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from pymongo.errors import PyMongoError

from app.domain.ids import CommitTime
from app.storage.client import Client

# Between two reads; a newly elected primary may have another clock.
READ_SECONDS = 10


class DatabaseClock:
    """The primary's time at the last read, plus the time passed since on a monotonic clock."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def seconds_since(self, moment: CommitTime) -> float | None:
        """Whole seconds, as a commit time has no fractions; None before the first read."""
        if self._ahead is None:
            return None
        return float(max(0, int(monotonic() + self._ahead) - (moment >> 32)))

    def note(self, hello: Mapping[str, Any]) -> None:
        """Take the time from a `hello` response."""
        self._ahead = hello["localTime"].timestamp() - monotonic()

    async def run(self, client: Client) -> None:
        """Read the time until cancelled. One task owns it."""
        while True:
            with suppress(PyMongoError):
                self.note(await client.admin.command("hello"))
            await asyncio.sleep(READ_SECONDS)
