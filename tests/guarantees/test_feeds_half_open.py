"""G6 for a subscriber whose connection is dead and does not know it, and for its neighbours."""

import pytest

from app.storage.client import Client as MongoClient
from tests.harness.proxy import Proxy
from tests.harness.servers import running_servers
from tests.harness.waiting import eventually
from tests.lab.load import Load

NEIGHBOURS = 10
TEAMS = 2


@pytest.mark.usefixtures("lasting_teams")
async def test_a_half_open_subscriber_blocks_no_other_and_resumes_without_a_gap(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with (
        running_servers(1, mongodb_uri, empty_database) as (server,),
        Proxy(server.port) as proxy,
        Load(client, empty_database, [server], subscribers=0, teams=TEAMS) as load,
    ):
        neighbours = [load.follow([server.url], number) for number in range(NEIGHBOURS)]
        victims = [load.follow([proxy.url], number) for number in range(TEAMS)]

        async def all_have_begun() -> bool:
            return all(each.last_version > 5 for each in load.subscribers)

        await eventually(all_have_begun)
        connections = proxy.connections
        proxy.cut_off()
        await load.after_more_changes(150)
        reached = {each.team_id: each.last_version for each in victims}

        async def neighbours_went_on() -> bool:
            return all(each.last_version > reached[each.team_id] + 20 for each in neighbours)

        await eventually(neighbours_went_on)
        assert reached == {each.team_id: each.last_version for each in victims}
        assert proxy.connections == connections
        for victim in victims:
            victim.drop()

        assert await load.judge() == []
