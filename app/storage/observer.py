"""What storage reports of its own work, for metrics."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pymongo.monitoring import CommandListener, ConnectionPoolListener

Listener = CommandListener | ConnectionPoolListener
"""What the driver tells of a client's commands and connections."""


class StorageObserver(Protocol):
    """The recorder and the watch over the database call these on the event loop."""

    def safety_seen(self, *, is_safe: bool) -> None:
        """The indexes and the validator that mutations rely on are in place, or are not."""

    def recorded(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """This server holds the lease, and the log has these changes, if any, from now on."""

    def recording_failed(self) -> None:
        """An attempt to record changes, or to take the lease, failed and is repeated."""

    def recording_ended(self) -> None:
        """This server no longer holds the lease."""
