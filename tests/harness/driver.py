"""Clients of the driver under test: `MONGODB_DRIVER=pymongo`, which servers inherit, or Motor."""

import os
from functools import partial
from typing import Any

from pymongo import monitoring

from app.storage import client

DRIVER = os.environ.get("MONGODB_DRIVER", "motor")

connect = partial(client.connect, driver=DRIVER)
connect_for_streams = partial(client.connect_for_streams, driver=DRIVER)

# Commands that open, check and close connections.
HOUSEKEEPING = frozenset({"hello", "isMaster", "ping", "endSessions", "saslStart", "saslContinue"})


class Commands(monitoring.CommandListener):
    """Records the commands that a client sends, in order, each with its name."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name not in HOUSEKEEPING:
            self.sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """The recorded commands; clears the record."""
        sent, self.sent = self.sent, []
        return sent

    def take_names(self) -> list[str]:
        return [name for name, _ in self.take()]
