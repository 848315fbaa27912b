"""G6 on three nodes whose primary is killed: the feeds go on without a gap or a repeat."""

import asyncio
from pathlib import Path

from app.storage.client import close
from tests.harness.driver import connect
from tests.harness.feeds import drop_at_random, under_load
from tests.harness.replica_set import ReplicaSet
from tests.harness.servers import running_servers

SERVERS = 2
TEAMS = 4
SUBSCRIBERS = 24
KILLS = 2


async def test_subscribers_see_each_version_once_while_primaries_are_killed(
    tmp_path: Path,
) -> None:
    async with ReplicaSet(tmp_path) as replica_set:
        mongodb = connect(replica_set.uri, timeout_seconds=10)
        async with (
            running_servers(SERVERS, replica_set.uri, "teams") as servers,
            under_load(mongodb, "teams", servers, teams=TEAMS) as feeds,
        ):
            urls = [server.url for server in servers]
            for number in range(SUBSCRIBERS):
                first = number % SERVERS
                feeds.follow(urls[first:] + urls[:first], number)
            dropping = asyncio.create_task(drop_at_random(feeds.subscribers))
            await feeds.after_more_answers(100)
            for _ in range(KILLS):
                killed = await replica_set.kill_primary()
                await feeds.after_more_answers(100)
                await killed.start()
                await replica_set.wait_until_whole()
                await feeds.after_more_answers(50)
            dropping.cancel()
            assert await feeds.end() == []
        await close(mongodb)
