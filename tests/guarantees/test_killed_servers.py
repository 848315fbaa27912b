from app.storage.client import Client as MongoClient
from tests.harness.servers import running_servers
from tests.lab.checker.history import NotDone, Unknown
from tests.lab.load import Load

KILLS = 20
CHANGES_BEFORE_KILL = 20


async def test_killing_a_server_20_times_loses_no_acknowledged_change(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with (
        running_servers(3, mongodb_uri, empty_database) as servers,
        Load(client, empty_database, servers, clients=24, teams=12, users=120) as load,
    ):
        for kill in range(KILLS):
            await load.after_more_changes(CHANGES_BEFORE_KILL)
            victim = servers[kill % len(servers)]
            await victim.kill()
            await victim.start()

        assert await load.judge() == []

    lost = [each for each in load.history.operations if isinstance(each.outcome, NotDone | Unknown)]
    assert len(lost) >= KILLS
