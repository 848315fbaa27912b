"""The reaction of the watch to the outcome of each check."""

import asyncio
import logging
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry
from pymongo.errors import OperationFailure

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable
from app.monitoring.database_metrics import StorageMetrics
from app.storage import safety
from app.storage.safety import SafetyWatch

LOST = DatabaseUnsuitable("The index is gone.")
SILENT = DatabaseUnavailable("no primary")


@pytest.mark.parametrize(
    ("outcomes", "is_safe", "logged"),
    [
        ([None], True, []),
        ([SILENT], True, []),
        ([LOST, LOST, SILENT], False, [logging.ERROR]),
        ([OperationFailure("nobody may quote this", 13)], False, [logging.ERROR]),
        ([ValueError("an answer that can't be decoded")], False, [logging.ERROR]),
        ([LOST, None, None], True, [logging.ERROR, logging.INFO]),
    ],
)
async def test_only_a_check_that_succeeds_is_safe_and_silence_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    outcomes: Sequence[Exception | None],
    *,
    is_safe: bool,
    logged: list[int],
) -> None:
    pending, all_seen = list(outcomes), asyncio.Event()

    async def check(*_: object) -> None:
        if not pending:
            all_seen.set()
            await asyncio.Event().wait()
        if outcome := pending.pop(0):
            raise outcome

    monkeypatch.setattr(safety, "check_safety", check)
    monkeypatch.setattr(safety, "WATCH_SECONDS", 0)
    registry = CollectorRegistry()
    watch = SafetyWatch(None, "teams", StorageMetrics(registry))  # type: ignore[arg-type]  # unused
    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(watch.run())
        async with asyncio.timeout(5):
            await all_seen.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert watch.is_safe() is is_safe
    assert registry.get_sample_value("team_joiner_database_safe") == is_safe
    assert [record.levelno for record in caplog.records] == logged
    assert "nobody may quote this" not in caplog.text
