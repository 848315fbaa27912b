"""Callbacks from storage, for metrics."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pymongo.monitoring import CommandListener, ConnectionPoolListener

Listener = CommandListener | ConnectionPoolListener
"""The driver's callbacks for commands and connections."""


class StorageObserver(Protocol):
    """Callbacks of the recorder and the safety watch, called on the event loop."""

    def safety_seen(self, *, is_safe: bool) -> None:
        """The required indexes and the validator were checked."""

    def recorded(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """This server holds the lease and has appended these changes, perhaps none, to the log."""

    def recording_failed(self) -> None:
        """An attempt to record changes or to take the lease failed and will be retried."""

    def recording_ended(self) -> None:
        """This server no longer holds the lease."""
