"""The service's functions on the real store, without HTTP between."""

import pytest

from app.storage.client import Client
from app.storage.teams.store import MongoTeamStore

DEFAULT_CAPACITY = 1_000


@pytest.fixture
def store(client: Client, database: str) -> MongoTeamStore:
    """The store on a database of the test's own."""
    return MongoTeamStore(client, database, default_capacity=DEFAULT_CAPACITY)
