"""G5: what is acknowledged is on a majority's journals; what is read has been acknowledged."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import monitoring

from app.storage.client import close
from app.storage.preparation import prepare_database
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.store import MongoTeamStore
from tests.harness.driver import connect
from tests.harness.service import add, move, new_team

CARELESS = "&w=1&journal=false&readConcernLevel=local&readPreference=secondaryPreferred"


class SentCommands(monitoring.CommandListener):
    """Notes the commands that go over the wire."""

    def __init__(self) -> None:
        self.listening = False
        self.commands: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.listening:
            self.commands.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to note."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to note."""

    def named(self, *names: str) -> list[dict[str, Any]]:
        """The commands of these names that are not part of a transaction."""
        return [c for c in self.commands if next(iter(c)) in names and "autocommit" not in c]


@pytest.fixture(scope="module")
def registered() -> SentCommands:
    """A listener to every client made from now on; the driver can't take it back."""
    listener = SentCommands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def sent(registered: SentCommands) -> Iterator[SentCommands]:
    """The commands that this test sends."""
    registered.commands.clear()
    registered.listening = True
    yield registered
    registered.listening = False


async def test_no_connection_string_can_make_writes_or_reads_careless(
    mongodb_uri: str, empty_database: str, sent: SentCommands
) -> None:
    client = connect(mongodb_uri + CARELESS, timeout_seconds=10)
    await prepare_database(client, empty_database)
    sent.commands.clear()
    store = MongoTeamStore(client, empty_database, default_capacity=10)
    directory = MongoTeamDirectory(client, empty_database, default_capacity=10)

    red, blue = await new_team(store, members=("sue",)), await new_team(store)
    await add(store, red.id, "sue")
    await move(store, "sue", blue.id)
    await directory.find_teams([red.id], with_member_count=True)
    await close(client)

    writes, reads = sent.named("insert", "findAndModify"), sent.named("find", "aggregate")
    commits = [c for c in sent.commands if "commitTransaction" in c]
    assert len(writes) == 4
    assert len(commits) == 1
    for command in [*writes, *commits]:
        assert command["writeConcern"]["w"] == "majority"
        assert command["writeConcern"]["j"] is True
    assert len(reads) == 2
    for command in reads:
        assert command["readConcern"]["level"] == "majority"
        assert command.get("$readPreference", {"mode": "primary"})["mode"] == "primary"
