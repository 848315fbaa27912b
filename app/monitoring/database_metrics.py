"""What the operator's monitoring learns of the database: commands, connections, retries, recording.

Nothing here has a label that a client chooses.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

from app.domain.ids import CommitTime
from app.storage.errors import EXPECTED_CODES
from app.storage.observer import Listener

# A join takes some 2 ms; a getMore of a change stream waits half a second for news.
COMMAND_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LAG_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

Lag = Callable[[CommitTime], float | None]
"""The seconds since a commit by the database's clock; None while that is not known."""


class StorageMetrics:
    """The database's metrics in a registry; `listeners` let a client's driver fill them."""

    def __init__(self, registry: CollectorRegistry, lag: Lag = lambda _: None) -> None:
        self._lag = lag
        self._commands = Histogram(
            "team_joiner_database_command_seconds",
            "How long commands to MongoDB took, those that failed too.",
            ["client", "command"],
            buckets=COMMAND_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "team_joiner_database_command_failures",
            "Commands that MongoDB refused or did not answer, but for refusals that are expected.",
            ["client", "command"],
            registry=registry,
        )
        self._connections = Gauge(
            "team_joiner_database_connections",
            "Open connections to MongoDB.",
            ["client"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._in_use = Gauge(
            "team_joiner_database_connections_in_use",
            "Connections to MongoDB that an operation holds.",
            ["client"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._waits = Histogram(
            "team_joiner_database_connection_wait_seconds",
            "How long operations waited for a connection.",
            ["client"],
            buckets=COMMAND_SECONDS,
            registry=registry,
        )
        self._refusals = Counter(
            "team_joiner_database_connection_failures",
            "Operations that got no connection.",
            ["client"],
            registry=registry,
        )
        self._retries = Counter(
            "team_joiner_transaction_retries",
            "Attempts of transactions that met a rival and were made again.",
            registry=registry,
        )
        self._is_recording = Gauge(
            "team_joiner_recorder_active",
            "Servers that record changes as they happen; over all of them it should be 1.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._is_safe = Gauge(
            "team_joiner_database_safe",
            "1 while the indexes and the validator that mutations rely on are in place, else 0.",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._is_safe.set(1)
        self._recorder_failures = Counter(
            "team_joiner_recorder_failures",
            "Attempts to record changes, or to begin with it, that failed and are made again.",
            registry=registry,
        )
        self._recorder_lag = Histogram(
            "team_joiner_recorder_lag_seconds",
            "From a change's commit until the change log has it, in whole seconds.",
            buckets=LAG_SECONDS,
            registry=registry,
        )

    def listeners(self, client: str) -> Sequence[Listener]:
        """What the driver is to tell of a client, under this name."""
        return (
            _Commands(client, self._commands, self._failures),
            _Pool(client, self._connections, self._in_use, self._waits, self._refusals),
        )

    def transaction_retried(self) -> None:
        """An attempt of a transaction has met a rival."""
        self._retries.inc()

    def safety_seen(self, *, is_safe: bool) -> None:
        """Whether the database has what mutations rely on."""
        self._is_safe.set(is_safe)

    def recording_ended(self) -> None:
        """This server records no more."""
        self._is_recording.set(0)

    def recording_failed(self) -> None:
        """An attempt to record has failed."""
        self._recorder_failures.inc()

    def recorded(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """This server records: the log has these changes, if any, from now on."""
        self._is_recording.set(1)
        for change in changes:
            if (seconds := self._lag(change["commitTime"])) is not None:
                self._recorder_lag.observe(seconds)


class _Commands(CommandListener):
    """Called by the driver, in the thread that ran the command."""

    def __init__(self, client: str, seconds: Histogram, failures: Counter) -> None:
        self._client = client
        self._seconds = seconds
        self._failures = failures

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing: the end tells how long it took."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._observe(event)

    def failed(self, event: CommandFailedEvent) -> None:
        self._observe(event)
        if event.failure.get("code") not in EXPECTED_CODES:
            self._failures.labels(self._client, event.command_name).inc()

    def _observe(self, event: CommandSucceededEvent | CommandFailedEvent) -> None:
        seconds = event.duration_micros / 1_000_000
        self._seconds.labels(self._client, event.command_name).observe(seconds)


class _Pool(ConnectionPoolListener):
    """All pools of a client together, one for each node."""

    def __init__(
        self, client: str, connections: Gauge, in_use: Gauge, waits: Histogram, refusals: Counter
    ) -> None:
        self._connections = connections.labels(client)
        self._in_use = in_use.labels(client)
        self._waits = waits.labels(client)
        self._refusals = refusals.labels(client)

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        self._connections.inc()

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        self._connections.dec()

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        self._in_use.inc()
        self._waits.observe(event.duration or 0.0)

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        self._in_use.dec()

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        self._refusals.inc()

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Nothing, as with all that follow: the driver asks for these methods."""

    def connection_ready(self, event: ConnectionReadyEvent) -> None: ...
    def pool_created(self, event: PoolCreatedEvent) -> None: ...
    def pool_ready(self, event: PoolReadyEvent) -> None: ...
    def pool_cleared(self, event: PoolClearedEvent) -> None: ...
    def pool_closed(self, event: PoolClosedEvent) -> None: ...
