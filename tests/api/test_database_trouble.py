"""A server whose database is silent, gone or not there yet: it says so in time, and recovers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import httpx
import psutil
import pytest

from app.embedded.database import embedded_database
from app.storage.client import close, connect
from tests.api.world import find_team, new_id
from tests.harness.client import Answer, Client, ServerError, headers_of
from tests.harness.http import http_client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe
from tests.harness.waiting import eventually

TIMEOUT_SECONDS = 1.0
# Extra time on a machine that runs other tests.
MARGIN_SECONDS = 3.0

# What the README promises without a drain.
END_SECONDS = 15.0
RECOVERY_SECONDS = 30
UNAVAILABLE = "DATABASE_UNAVAILABLE"
DRIVERS_WORDS = ("127.0.0.1", "pymongo", "timed out", "ServerSelection", "Traceback", "Topology")


until = partial(eventually, timeout_seconds=RECOVERY_SECONDS)


class Trouble:
    """A server on a database of its own, which can be stopped in the middle of everything."""

    def __init__(self, uri: str, server: Server, client: Client, mongod_pid: int) -> None:
        self.uri = uri
        self.server = server
        self.client = client
        self._mongod_pid = mongod_pid

    @contextmanager
    def silence(self) -> Iterator[None]:
        """For as long, the database takes connections and answers nothing."""
        mongod = psutil.Process(self._mongod_pid)
        mongod.suspend()
        try:
            # A thread that waits for the disk may go on after the signal was sent.
            deadline = monotonic() + RECOVERY_SECONDS
            while mongod.status() != psutil.STATUS_STOPPED:
                assert monotonic() < deadline
                time.sleep(0.001)
            yield
        finally:
            mongod.resume()

    async def status(self, path: str) -> int:
        async with http_client(timeout=10, headers=headers_of()) as http:
            return (await http.get(self.server.url + path)).status_code

    async def is_ready(self) -> bool:
        """True if the server reports that it is ready."""
        return await self.status("/readyz") == 200


@pytest.fixture(scope="module")
async def own_database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    with embedded_database(tmp_path_factory.mktemp("trouble")) as uri:
        yield uri


@pytest.fixture(scope="module")
async def trouble(own_database: str) -> AsyncIterator[Trouble]:
    driver = connect(own_database, timeout_seconds=10)
    mongod_pid = (await driver.admin.command("serverStatus"))["pid"]
    await close(driver)
    limit = {"REQUEST_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    async with (
        running_servers(1, own_database, new_id("trouble"), **limit) as (server,),
        Client(server.url) as client,
    ):
        yield Trouble(own_database, server, client, mongod_pid)


async def timed_post(client: Client, body: Answer) -> tuple[httpx.Response, float]:
    began = monotonic()
    response = await client.post(body)
    return response, monotonic() - began


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 200
    answer = response.json()
    assert [each["extensions"]["code"] for each in answer.get("errors", ())][:1] == [UNAVAILABLE], (
        answer
    )
    assert not any(words in response.text for words in DRIVERS_WORDS), response.text


READS_AND_WRITES = (
    {"query": '{ team(id: "red") { id } }'},
    {"query": "{ teams { edges { node { id } } } }"},
    {"query": "{ teams { totalCount } }"},
    {"query": '{ viewer { team { id } } a: user(id: "sue") { id team { id } } }'},
    {"query": 'mutation { createTeam(input: { name: "Red" }) { __typename } }'},
    {"query": 'mutation { addUserToTeam(input: { teamId: "r", userId: "sue" }) { __typename } }'},
    {"query": 'mutation { moveUserToTeam(input: { userId: "s", toTeamId: "r" }) { __typename } }'},
)


async def test_a_query_over_a_websocket_or_as_a_stream_has_the_same_time(trouble: Trouble) -> None:
    query = "{ teams { totalCount } }"
    accept = {"Accept": "text/event-stream"}
    async with (
        connected(trouble.server.url) as socket,
        http_client(timeout=10, headers=headers_of()) as http,
    ):
        with trouble.silence():
            began = monotonic()
            await subscribe(socket, query)
            message = await receive(socket)
            url = f"{trouble.server.url}/graphql"
            stream = await http.post(url, json={"query": query}, headers=accept)
            seconds = monotonic() - began
    await until(trouble.is_ready)

    assert seconds < 2 * (TIMEOUT_SECONDS + MARGIN_SECONDS)
    assert UNAVAILABLE in str(message["payload"])
    assert UNAVAILABLE in stream.text


async def test_forty_concurrent_requests_are_answered_and_the_server_recovers(
    trouble: Trouble,
) -> None:
    team = await trouble.client.create_team("Red")
    bodies = [READS_AND_WRITES[number % len(READS_AND_WRITES)] for number in range(40)]

    with trouble.silence():
        answers = await asyncio.gather(*(timed_post(trouble.client, body) for body in bodies))
    await until(trouble.is_ready)

    assert max(seconds for _, seconds in answers) < TIMEOUT_SECONDS + MARGIN_SECONDS
    for response, _ in answers:
        assert_unavailable(response)
    assert await find_team(trouble.client, team["id"]) == team


async def test_while_the_database_is_silent_the_server_lives_and_is_not_ready(
    trouble: Trouble,
) -> None:
    ready_before = await trouble.is_ready()

    with trouble.silence():
        readiness = await trouble.status("/readyz")
        health = await trouble.status("/healthz")
        who = await trouble.client.execute("{ viewer { id } }", viewer="sue")
    await until(trouble.is_ready)

    assert ready_before
    assert readiness == 503
    assert health == 200
    assert who == {"viewer": {"id": "sue"}}


async def test_a_change_of_unknown_fate_is_settled_by_sending_it_again(trouble: Trouble) -> None:
    request: Answer = {"name": new_id("team"), "requestId": new_id("request")}

    with trouble.silence(), pytest.raises(ServerError) as lost:
        await trouble.client.mutate("createTeam", **request)
    await until(trouble.is_ready)
    outcome = await trouble.client.mutate("createTeam", **request)

    found = await trouble.client.execute(
        "query ($name: String) { teams(nameContains: $name) { totalCount } }",
        {"name": request["name"]},
    )
    assert lost.value.code == UNAVAILABLE
    assert outcome["__typename"] == "CreateTeamSuccess"
    assert found["teams"]["totalCount"] == 1


async def test_a_server_started_before_its_database_becomes_ready(
    tmp_path: Path,
) -> None:
    database = ExitStack()
    uri = await asyncio.to_thread(database.enter_context, embedded_database(tmp_path))
    # Started anew it prefers the same port.
    await asyncio.to_thread(database.close)
    limit = {"REQUEST_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}

    async with (
        running_servers(1, uri, "teams", **limit) as (server,),
        Client(server.url) as client,
    ):
        trouble = Trouble(uri, server, client, mongod_pid=0)
        before, seconds = await timed_post(client, {"query": "{ teams { totalCount } }"})
        unready = await trouble.status("/readyz")
        health = await trouble.status("/healthz")
        try:
            again = embedded_database(tmp_path)
            assert await asyncio.to_thread(database.enter_context, again) == uri
            await until(trouble.is_ready)
            await until(lambda: can_create_a_team(client))
        finally:
            await server.stop()
            await asyncio.to_thread(database.close)

    assert_unavailable(before)
    assert seconds < TIMEOUT_SECONDS + MARGIN_SECONDS
    assert unready == 503
    assert health == 200


async def can_create_a_team(client: Client) -> bool:
    try:
        return bool(await client.create_team("Red"))
    except ServerError:
        return False


async def test_a_server_ends_in_time_while_its_database_is_silent(trouble: Trouble) -> None:
    """A request is under way that may take longer than the end of the server."""
    given = {"REQUEST_TIMEOUT_SECONDS": str(2 * END_SECONDS)}
    async with (
        running_servers(1, trouble.uri, new_id("trouble"), **given) as (server,),
        Client(server.url) as client,
    ):
        await client.create_team()
        with trouble.silence():
            asking = asyncio.create_task(client.execute("{ teams { totalCount } }"))
            await asyncio.sleep(0)
            began = time.monotonic()
            status = await server.stop()
            seconds = time.monotonic() - began
        await asyncio.gather(asking, return_exceptions=True)

    assert status == 0
    assert seconds < END_SECONDS
