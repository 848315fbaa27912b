"""Two real servers on one database for all tests over HTTP, and a client of each."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.world import DEFAULT_CAPACITY, create_team_with, new_id
from tests.harness.client import Answer, Client, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers


@pytest.fixture(scope="session")
def shared_database() -> str:
    return new_id("test")


@pytest.fixture(scope="session")
async def servers(mongodb_uri: str, shared_database: str) -> AsyncIterator[list[Server]]:
    limits = {"DEFAULT_CAPACITY": str(DEFAULT_CAPACITY)}
    async with running_servers(2, mongodb_uri, shared_database, **limits) as servers:
        yield servers


@pytest.fixture(scope="session")
def server(servers: list[Server]) -> Server:
    """The first server; a module may have its own (`own_server`)."""
    return servers[0]


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url) as client:
        yield client


@pytest.fixture(scope="session")
async def other_api(servers: list[Server]) -> AsyncIterator[Client]:
    async with Client(servers[1].url) as client:
        yield client


@pytest.fixture
def headers() -> dict[str, str]:
    """The headers of each request of `http`; the admin's by default."""
    return headers_of()


@pytest.fixture
async def http(server: Server, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A bare HTTP client; afterwards the proof that the server has met no bug."""
    logged = len(server.log)
    async with http_client(base_url=server.url, timeout=15, headers=headers) as http:
        yield http
    assert b"Traceback" not in server.log[logged:]


@pytest.fixture
def sue() -> str:
    return new_id("sue")


@pytest.fixture
async def red(api: Client, sue: str) -> Answer:
    """The team that Sue is on, at version 2."""
    return await create_team_with(api, sue, name="Red")


@pytest.fixture
async def blue(api: Client) -> Answer:
    """A team without members, at version 1."""
    return await api.create_team("Blue")
