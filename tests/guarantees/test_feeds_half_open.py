"""G6 for a subscriber whose connection is dead and does not know it, and for its neighbours."""

from app.storage.client import Client as MongoClient
from tests.harness.feeds import last_of, under_load
from tests.harness.proxy import Proxy
from tests.harness.servers import running_servers
from tests.harness.waiting import eventually

TEAMS = 2
NEIGHBOURS = 10


async def test_a_half_open_subscriber_blocks_no_other_and_resumes_without_a_gap(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with (
        running_servers(1, mongodb_uri, empty_database) as (server,),
        Proxy(server.port) as proxy,
        under_load(client, empty_database, [server], teams=TEAMS) as feeds,
    ):
        neighbours = [feeds.follow([server.url], number) for number in range(NEIGHBOURS)]
        victims = [feeds.follow([proxy.url], number) for number in range(TEAMS)]

        async def all_have_begun() -> bool:
            return all(last_of(subscriber) > 5 for subscriber in (*victims, *neighbours))

        await eventually(all_have_begun)
        connections = proxy.connections
        proxy.cut_off()
        await feeds.after_more_answers(300)
        reached = await feeds.versions()

        async def neighbours_are_there() -> bool:
            return all(last_of(n) >= reached[n.team_id] for n in neighbours)

        await eventually(neighbours_are_there)
        assert all(last_of(victim) < reached[victim.team_id] for victim in victims)
        assert proxy.connections == connections
        for victim in victims:
            victim.drop()
        assert await feeds.end() == []
