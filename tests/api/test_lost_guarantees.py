"""Mutations are refused while an index or the validator is missing; queries and feeds go on."""

from app.storage.client import Client as Driver
from app.storage.indexes import ONE_TEAM_PER_USER
from tests.api.world import new_id
from tests.harness.client import Client, ServerError
from tests.harness.http import http_client
from tests.harness.metrics import read_metrics
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe
from tests.harness.waiting import eventually

INDEX = "one_team_per_user"
MEASURED = {"METRICS_PORT": "0"}


class Refusals:
    """One server's answers to mutations."""

    def __init__(self, server: Server, api: Client) -> None:
        self._server = server
        self._api = api

    async def code(self) -> str | None:
        try:
            await self._api.create_team()
        except ServerError as error:
            return str(error.code)
        return None

    async def are_there(self) -> bool:
        """True if mutations are refused."""
        return await self.code() == "DATABASE_UNSAFE"

    async def are_over(self) -> bool:
        return await self.code() is None

    async def after_another_check(self) -> str | None:
        """The code after the server has looked at the indexes again."""
        looks = await self._looks()

        async def has_looked() -> bool:
            return await self._looks() > looks

        await eventually(has_looked)
        return await self.code()

    async def _looks(self) -> float:
        found = await read_metrics(self._server)
        return found.value("database_command_seconds_count", command="listIndexes")


async def test_mutations_wait_for_a_lost_index_while_all_else_goes_on(
    mongodb_uri: str, client: Driver
) -> None:
    database = new_id("test")
    teams = client[database].teams
    async with (
        running_servers(1, mongodb_uri, database, **MEASURED) as (server,),
        Client(server.url) as api,
        http_client(base_url=server.url) as http,
        connected(server.url) as socket,
    ):
        refusals = Refusals(server, api)
        red = await api.create_team("Red")
        await subscribe(
            socket, "subscription ($id: ID!) { teamChanges(teamId: $id) { version } }", id=red["id"]
        )

        await teams.drop_index(INDEX)
        await eventually(refusals.are_there)
        assert (await http.get("/readyz")).status_code == 503
        assert (await read_metrics(server)).value("database_safe") == 0
        assert (await api.execute("{ teams { edges { node { name } } } }"))["teams"]["edges"]
        await teams.update_one({"name": "Red"}, {"$set": {"name": "Rot"}, "$inc": {"version": 1}})
        assert (await receive(socket))["payload"]["data"]["teamChanges"]["version"] == 2

        await teams.create_index("userIds", name=INDEX)
        assert await refusals.after_another_check() == "DATABASE_UNSAFE"

        await teams.drop_index(INDEX)
        await teams.create_indexes([ONE_TEAM_PER_USER])
        await eventually(refusals.are_over)
        assert (await http.get("/readyz")).status_code == 200
        assert (await read_metrics(server)).value("database_safe") == 1

        await client[database].command({"collMod": "teams", "validationAction": "warn"})
        await eventually(refusals.are_there)

    assert server.log.count(b"Mutations are refused with DATABASE_UNSAFE") == 2
    assert server.log.count(b"mutations are accepted again") == 1
    assert b"has lost its index one_team_per_user" in server.log
