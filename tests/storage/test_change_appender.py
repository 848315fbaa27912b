"""Appending to the log does not hold up its process."""

import asyncio
from datetime import UTC, datetime
from time import monotonic
from urllib.parse import urlsplit

import pytest
from pymongo.errors import AutoReconnect

from app.domain.faults import DatabaseUnavailable
from app.storage.changes import appender as change_appender
from app.storage.changes.appender import ChangeAppender
from app.storage.changes.lease import take_lease
from app.storage.client import Client, close, recorder_of, requests_of
from tests.harness.driver import connect
from tests.harness.proxy import Proxy

ANSWER_SECONDS = 1.0
CHANGE = {"teamId": "red", "version": 1, "kind": "TeamCreated", "name": "Red"}


async def longest_pause_until(done: asyncio.Task[None]) -> float:
    """The longest that the event loop did not get round to this coroutine."""
    longest = 0.0
    while not done.done():
        before = monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, monotonic() - before)
    return longest


async def test_a_database_silent_within_a_transaction_does_not_block_the_event_loop(
    mongodb_uri: str, client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(mongodb_uri).port
    assert port is not None
    lease = await take_lease(recorder_of(client, database), "me")
    assert lease is not None
    async with Proxy(port) as proxy:
        uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
        through = connect(uri, timeout_seconds=ANSWER_SECONDS)

        def fall_silent(_: object) -> None:
            proxy.hold(outward=True)
            raise AutoReconnect("The connection was lost.")

        monkeypatch.setattr(change_appender, "record_request", fall_silent)
        appending = asyncio.create_task(
            ChangeAppender(through, database, lease).append([CHANGE], None)
        )
        longest = await longest_pause_until(appending)
        proxy.let_pass()
        await close(through)

    with pytest.raises(DatabaseUnavailable):
        appending.result()
    assert longest < ANSWER_SECONDS / 2


async def test_a_request_is_forgotten_by_the_databases_clock_and_not_the_hosts(
    client: Client, database: str
) -> None:
    """A host whose clock lags by more than a request is remembered would have it made twice."""
    lease = await take_lease(recorder_of(client, database), "me")
    assert lease is not None
    lagging = {**CHANGE, "at": datetime(2001, 1, 1, tzinfo=UTC), "requestId": "r", "input": "i"}
    before = (await client.admin.command("hello"))["localTime"].replace(tzinfo=UTC)

    await ChangeAppender(client, database, lease).append([lagging], None)

    mark = await requests_of(client, database).find_one({"id": "r"})
    assert mark is not None
    assert mark["at"] >= before
