"""A transaction whose caller is cancelled while the driver is about to send a command for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pymongo.asynchronous.pool import AsyncConnection
from pymongo.monitoring import CommandListener
from pymongo.synchronous.client_session import ClientSession

from app.storage.changes.appender import ChangeAppender
from app.storage.changes.lease import take_lease
from app.storage.client import Client, close, recorder_of
from app.storage.teams.store import MongoTeamStore
from tests.harness.driver import connect
from tests.harness.recording import ChangeLogReader
from tests.harness.service import move, new_team
from tests.harness.waiting import eventually

HELD_SECONDS = 20
CHANGE = {"teamId": "red", "version": 1, "kind": "TeamCreated", "name": "Red"}


class Held(CommandListener):
    """Holds a command before the driver makes it a transaction's.

    Motor's is held in its thread. PyMongo's async API makes it one and begins to send it without a
    step of the event loop between, so it is held one step earlier, with its connection.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        self._command = command
        self._armed = False
        self._local = threading.local()
        self._reached, self._released, self._answered = (threading.Event() for _ in range(3))
        self._apply_to: Any = ClientSession._apply_to
        in_transaction: Any = ClientSession.in_transaction
        self._in_transaction = in_transaction.fget

        def apply_to(session: object, *given: Any) -> None:
            self._applying(session, *given)

        send: Any = AsyncConnection.command

        async def send_when_released(*given: Any, **named: Any) -> object:
            if self._armed and self._command in given[2] and named.get("session"):
                self._reached.set()
                await eventually(self._is_released)
            return await send(*given, **named)

        monkeypatch.setattr(AsyncConnection, "command", send_when_released)
        monkeypatch.setattr(ClientSession, "_apply_to", apply_to)
        monkeypatch.setattr(ClientSession, "in_transaction", property(self._asking))

    def _applying(self, session: object, command: dict[str, Any], *given: object) -> None:
        self._local.command = command
        try:
            self._apply_to(session, command, *given)
        finally:
            self._local.command = {}

    def _asking(self, session: object) -> bool:
        command = getattr(self._local, "command", {})
        if self._armed and self._command in command and "lsid" in command:
            self._reached.set()
            self._released.wait(HELD_SECONDS)
        return bool(self._in_transaction(session))

    def started(self, event: object) -> None: ...

    def succeeded(self, event: Any) -> None:
        if event.command_name == self._command:
            self._answered.set()

    failed = succeeded

    async def cancel(self, sending: asyncio.Task[Any], client: Client) -> None:
        """Cancels a task while its command is held back; the command is sent afterwards."""
        await eventually(self._is_reached)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        for _ in range(3):  # longer than to end a session that has sent nothing
            await client.admin.command("ping")
        self._released.set()
        await eventually(self._is_answered)

    async def _is_reached(self) -> bool:
        return self._reached.is_set()

    async def _is_released(self) -> bool:
        return self._released.is_set()

    async def _is_answered(self) -> bool:
        return self._answered.is_set()

    def arm(self) -> None:
        self._armed = True

    def release(self) -> None:
        """Lets go, in any case."""
        self._released.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Held]:
    held = Held(monkeypatch, request.param)
    yield held
    held.release()


@pytest.fixture
async def through(mongodb_uri: str, held: Held) -> AsyncIterator[Client]:
    through = connect(mongodb_uri, timeout_seconds=10, listeners=[held])
    yield through
    await close(through)


@pytest.mark.parametrize("held", ["findAndModify"], indirect=True)
async def test_a_move_cancelled_while_it_is_sent_changes_nothing(
    client: Client, database: str, held: Held, through: Client
) -> None:
    store = MongoTeamStore(client, database, default_capacity=1_000)
    red, blue = await new_team(store, members=("sue",)), await new_team(store)
    held.arm()
    moving_store = MongoTeamStore(through, database, default_capacity=1_000)

    await held.cancel(asyncio.create_task(move(moving_store, "sue", blue.id)), client)
    await moving_store.finish(HELD_SECONDS)

    teams = await client[database].teams.find({}, {"userIds": 1, "version": 1}).to_list(None)
    found = {str(team["_id"]): (team["userIds"], team["version"]) for team in teams}
    assert found == {red.id: (["sue"], red.version), blue.id: ([], blue.version)}


@pytest.mark.parametrize("held", ["update"], indirect=True)
async def test_a_recorder_cancelled_while_it_sends_skips_no_change(
    client: Client, database: str, held: Held, through: Client
) -> None:
    lease = await take_lease(recorder_of(client, database), "me")
    assert lease is not None
    held.arm()
    appender = ChangeAppender(through, database, lease)

    await held.cancel(asyncio.create_task(appender.append([CHANGE], {"a": "token"})), client)
    await appender.finish(HELD_SECONDS)

    log = ChangeLogReader(client, database)
    assert (await log.lease())["position"] == len(await log.entries()) == 0
