"""A mongod without a replica set is refused with a sentence."""

from pathlib import Path

import pytest

from app.domain.faults import DatabaseUnsuitable
from app.storage.client import close
from app.storage.preparation import prepare_database
from tests.harness.driver import connect
from tests.harness.replica_set import Node
from tests.harness.waiting import eventually


async def test_a_standalone_mongod_is_refused_with_what_to_do(tmp_path: Path) -> None:
    mongod = Node(tmp_path)
    await mongod.start()
    client = connect(f"mongodb://{mongod.address}", timeout_seconds=5)
    try:
        await eventually(mongod.answers)
        with pytest.raises(DatabaseUnsuitable, match=r"standalone.*--replSet NAME.*rs\.initiate"):
            await prepare_database(client, "teams")
        assert "teams" not in await client.list_database_names()
    finally:
        await close(client)
        await mongod.kill()
