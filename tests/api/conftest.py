"""Two real servers on one database for all tests over HTTP, and a client of each."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.world import DEFAULT_CAPACITY, new_id
from tests.harness.client import Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers


@pytest.fixture(scope="session")
def shared_database() -> str:
    """The name of the database of `servers`."""
    return new_id("test")


@pytest.fixture(scope="session")
async def servers(mongodb_uri: str, shared_database: str) -> AsyncIterator[list[Server]]:
    """Two server processes that share a database."""
    limits = {"DEFAULT_CAPACITY": str(DEFAULT_CAPACITY)}
    async with running_servers(2, mongodb_uri, shared_database, **limits) as servers:
        yield servers


@pytest.fixture(scope="session")
async def api(servers: list[Server]) -> AsyncIterator[Client]:
    """A client of the first server."""
    async with Client(servers[0].url) as client:
        yield client


@pytest.fixture(scope="session")
async def other_api(servers: list[Server]) -> AsyncIterator[Client]:
    """A client of the second server."""
    async with Client(servers[1].url) as client:
        yield client


@pytest.fixture
async def http(servers: list[Server]) -> AsyncIterator[httpx.AsyncClient]:
    """A bare HTTP client of the first server, signed in as the admin."""
    async with http_client(base_url=servers[0].url, timeout=15, headers=headers_of()) as http:
        yield http
