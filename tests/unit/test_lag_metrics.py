"""Lags: by the database's clock alone, whatever the clocks of hosts say."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from app.domain.changes import Change, ChangeKind
from app.domain.ids import CommitTime, TeamId, Version
from app.monitoring.database_metrics import DatabaseClock, StorageMetrics
from app.monitoring.metrics import ApiMetrics, OperationNames

COMMITTED = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
COMMIT_TIME = CommitTime((int(COMMITTED.timestamp()) << 32) + 7)
HOURS = timedelta(hours=3)


def lags(clock: DatabaseClock, at: datetime) -> list[float | None]:
    """The sums of both metrics after one change, made `at` by another host's clock."""
    registry = CollectorRegistry()
    change = Change(
        1, TeamId("red"), Version(1), ChangeKind.TEAM_RENAMED, at, commit_time=COMMIT_TIME
    )
    ApiMetrics(registry, OperationNames(), clock.seconds_since).delivered(change)
    StorageMetrics(registry, clock.seconds_since).recorded([{"at": at, "commitTime": COMMIT_TIME}])
    names = ("team_joiner_feed_lag_seconds_sum", "team_joiner_recorder_lag_seconds_sum")
    return [registry.get_sample_value(name) for name in names]


@pytest.mark.parametrize("skew", [-HOURS, HOURS])
@pytest.mark.parametrize(("passed", "lag"), [(-2.0, 0.0), (0.9, 0.0), (8.2, 8.0)])
def test_lags_are_those_of_the_databases_clock(
    monkeypatch: pytest.MonkeyPatch, skew: timedelta, passed: float, lag: float
) -> None:
    monkeypatch.setattr("app.monitoring.database_metrics.monotonic", lambda: 100.0)
    clock = DatabaseClock()
    clock.note({"localTime": COMMITTED})
    monkeypatch.setattr("app.monitoring.database_metrics.monotonic", lambda: 100.0 + passed)

    assert lags(clock, COMMITTED + skew) == [lag, lag]


def test_nothing_is_measured_before_the_databases_clock_is_known() -> None:
    registry = CollectorRegistry()

    StorageMetrics(registry, DatabaseClock().seconds_since).recorded([{"commitTime": COMMIT_TIME}])

    assert registry.get_sample_value("team_joiner_recorder_lag_seconds_count") == 0
