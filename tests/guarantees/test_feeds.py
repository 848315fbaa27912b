"""G6: every subscriber sees a team's changes in version order, without a gap or a repeat."""

import pytest
from pymongo.errors import DuplicateKeyError

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import Client as MongoClient
from app.storage.indexes import CHANGE_INDEX_NAMES
from app.storage.safety import check_readiness
from tests.harness.servers import running_servers
from tests.lab.load import Load


@pytest.mark.usefixtures("lasting_teams")
@pytest.mark.parametrize("killing", [False, True])
async def test_60_subscribers_who_reconnect_see_each_version_once(
    mongodb_uri: str, client: MongoClient, empty_database: str, *, killing: bool
) -> None:
    async with (
        running_servers(3, mongodb_uri, empty_database) as servers,
        Load(client, empty_database, servers, subscribers=60, clients=16, users=80) as load,
    ):
        # One of the three records; killing each in turn kills the recorder.
        for victim in servers:
            await load.after_more_changes(60)
            if killing:
                await victim.kill()
                await victim.start()

        assert await load.judge() == []


async def test_the_log_refuses_a_second_change_of_the_same_version(
    client: MongoClient, database: str
) -> None:
    log = client[database]["team_changes"]
    await log.insert_one({"position": 1, "teamId": "red", "version": 1})

    with pytest.raises(DuplicateKeyError):
        await log.insert_one({"position": 2, "teamId": "red", "version": 1})
    with pytest.raises(DuplicateKeyError):
        await log.insert_one({"position": 1, "teamId": "red", "version": 2})


@pytest.mark.parametrize("name", sorted(CHANGE_INDEX_NAMES))
async def test_a_server_is_not_ready_once_the_log_has_lost_an_index(
    client: MongoClient, database: str, name: str
) -> None:
    await client[database]["team_changes"].drop_index(name)

    with pytest.raises(DatabaseUnsuitable, match=name):
        await check_readiness(client, database)
