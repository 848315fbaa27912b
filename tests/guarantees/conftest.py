"""The service's functions on the real store, without HTTP between."""

import pytest

from app.storage.client import Client
from app.storage.teams.store import MongoTeamStore
from tests.lab.checker.history import Kind
from tests.lab.workload import WEIGHTS

DEFAULT_CAPACITY = 1_000


@pytest.fixture
def store(client: Client, database: str) -> MongoTeamStore:
    """The store on a database of the test's own."""
    return MongoTeamStore(client, database, default_capacity=DEFAULT_CAPACITY)


@pytest.fixture
def lasting_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    """No load deletes a team, so that its subscribers go on to the end."""
    monkeypatch.setitem(WEIGHTS, Kind.DELETE_TEAM, 0)
