"""G5: what is acknowledged is on a majority's journals; what is read has been acknowledged."""

from app.domain.pages import TeamOptions
from app.storage.client import close
from app.storage.preparation import prepare_database
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.store import MongoTeamStore
from tests.harness.driver import Commands, connect
from tests.harness.service import add, move, new_team

CARELESS = "&w=1&journal=false&readConcernLevel=local&readPreference=secondaryPreferred"


async def test_no_connection_string_can_make_writes_or_reads_careless(
    mongodb_uri: str, empty_database: str
) -> None:
    sent = Commands()
    client = connect(mongodb_uri + CARELESS, timeout_seconds=10, listeners=[sent])
    await prepare_database(client, empty_database)
    sent.take()
    store = MongoTeamStore(client, empty_database, default_capacity=10)
    directory = MongoTeamDirectory(client, empty_database, default_capacity=10)

    red, blue = await new_team(store, members=("sue",)), await new_team(store)
    await add(store, red.id, "sue")
    await move(store, "sue", blue.id)
    await directory.find_teams([red.id], TeamOptions(with_member_count=True))
    await close(client)

    single = [(name, command) for name, command in sent.sent if "autocommit" not in command]
    writes = [command for name, command in single if name in {"insert", "findAndModify"}]
    reads = [command for name, command in single if name in {"find", "aggregate"}]
    commits = [command for name, command in sent.sent if name == "commitTransaction"]
    assert len(writes) == 4
    assert len(commits) == 1
    for command in [*writes, *commits]:
        assert command["writeConcern"]["w"] == "majority"
        assert command["writeConcern"]["j"] is True
    assert len(reads) == 2
    for command in reads:
        assert command["readConcern"]["level"] == "majority"
        assert command.get("$readPreference", {"mode": "primary"})["mode"] == "primary"
