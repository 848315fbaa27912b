"""G6 on three nodes whose primary is killed: the feeds go on without a gap or a repeat."""

from pathlib import Path

import pytest

from app.storage.client import close
from tests.harness.driver import connect
from tests.harness.replica_set import ReplicaSet
from tests.harness.servers import running_servers
from tests.lab.load import Load

KILLS = 2


@pytest.mark.usefixtures("lasting_teams")
async def test_subscribers_see_each_version_once_while_primaries_are_killed(
    tmp_path: Path,
) -> None:
    async with ReplicaSet(tmp_path) as replica_set:
        mongodb = connect(replica_set.uri, timeout_seconds=10)
        async with (
            running_servers(2, replica_set.uri, "teams") as servers,
            Load(mongodb, "teams", servers, subscribers=24) as load,
        ):
            await load.after_more_changes(50)
            for _ in range(KILLS):
                killed = await replica_set.kill_primary()
                await load.after_more_changes(50)
                await killed.start()
                await replica_set.wait_until_whole()
                await load.after_more_changes(25)

            assert await load.judge() == []
        await close(mongodb)
