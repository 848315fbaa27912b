"""Prometheus metrics of the database: commands, connections, retries, the recorder.

No label has a value that a client chooses.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pymongo.errors import PyMongoError
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
)

from app.domain.ids import CommitTime
from app.storage.cancellation import cancellation_kept
from app.storage.client import Client
from app.storage.errors import EXPECTED_CODES
from app.storage.observer import Listener

# A join takes some 2 ms; a getMore of a change stream waits up to half a second.
COMMAND_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LAG_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# Between two reads; a newly elected primary may have another clock.
CLOCK_SECONDS = 10

NAMESPACE = "team_joiner"

Lag = Callable[[CommitTime], float | None]
"""Seconds since a commit by the database's clock; None until that clock is known."""


class StorageMetrics:
    """Metrics that the driver's event listeners and the recorder update."""

    def __init__(self, registry: CollectorRegistry, lag: Lag = lambda _: None) -> None:
        self._lag = lag
        counter = partial(Counter, namespace=NAMESPACE, registry=registry)
        histogram = partial(Histogram, namespace=NAMESPACE, registry=registry)
        gauge = partial(Gauge, namespace=NAMESPACE, registry=registry, multiprocess_mode="livesum")
        self._commands = histogram(
            "database_command_seconds",
            "Duration of MongoDB commands, including failed ones.",
            ["client", "command"],
            buckets=COMMAND_SECONDS,
        )
        self._failures = counter(
            "database_command_failures",
            "MongoDB commands that failed or got no answer, except for expected errors.",
            ["client", "command"],
        )
        self._connections = gauge(
            "database_connections", "Open connections to MongoDB.", ["client"]
        )
        self._in_use = gauge(
            "database_connections_in_use",
            "Connections to MongoDB in use by an operation.",
            ["client"],
        )
        self._waits = histogram(
            "database_connection_wait_seconds",
            "Time that operations waited for a connection from the pool.",
            ["client"],
            buckets=COMMAND_SECONDS,
        )
        self._refusals = counter(
            "database_connection_failures",
            "Operations that got no connection from the pool.",
            ["client"],
        )
        self._retries = counter(
            "transaction_retries", "Transactions retried after a write conflict."
        )
        self._is_recording = gauge(
            "recorder_active",
            "1 in the process that records changes; the sum over all processes should be 1.",
        )
        self._is_safe = gauge(
            "database_safe",
            "1 while the indexes and the validator that mutations rely on are in place, else 0.",
            multiprocess_mode="livemin",
        )
        self._is_safe.set(1)
        self._recorder_failures = counter(
            "recorder_failures", "Failed attempts of the recorder, each of which is retried."
        )
        self._recorder_lag = histogram(
            "recorder_lag_seconds",
            "Time from a change's commit to its entry in the change log, in whole seconds.",
            buckets=LAG_SECONDS,
        )

    def listeners(self, client: str) -> Sequence[Listener]:
        """Driver event listeners for a client that is labelled with this name."""
        return (
            _Commands(client, self._commands, self._failures),
            _Pool(client, self._connections, self._in_use, self._waits, self._refusals),
        )

    def transaction_retried(self) -> None:
        self._retries.inc()

    def safety_seen(self, *, is_safe: bool) -> None:
        self._is_safe.set(is_safe)

    def recording_ended(self) -> None:
        self._is_recording.set(0)

    def recording_failed(self) -> None:
        self._recorder_failures.inc()

    def recorded(self, changes: Sequence[Mapping[str, Any]]) -> None:
        self._is_recording.set(1)
        for change in changes:
            if (seconds := self._lag(change["commitTime"])) is not None:
                self._recorder_lag.observe(seconds)


class _Commands(CommandListener):
    """Called by the driver in the thread that ran the command."""

    def __init__(self, client: str, seconds: Histogram, failures: Counter) -> None:
        self._client = client
        self._seconds = seconds
        self._failures = failures

    def started(self, event: CommandStartedEvent) -> None:
        """Ignored: the events that end a command hold its duration."""

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
    """Sums over a client's pools, of which there is one per node."""

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

    def _ignore(self, event: object) -> None:
        """Takes the other events, for which the driver requires methods."""

    connection_check_out_started = connection_ready = _ignore
    pool_created = pool_ready = pool_cleared = pool_closed = _ignore


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
            with suppress(PyMongoError), cancellation_kept():
                self.note(await client.admin.command("hello"))
            await asyncio.sleep(CLOCK_SECONDS)
