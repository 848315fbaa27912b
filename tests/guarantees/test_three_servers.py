from app.storage.client import Client as MongoClient
from tests.harness.servers import running_servers
from tests.lab.checker.history import Accepted, Kind, Refused
from tests.lab.load import Load

CHANGES_OF_EACH_SERVER = 500
# So many clients in one process are slower than the servers: on a busy machine one of 2,000 took
# 9 s, of which no server took more than 0.7.
REQUEST_SECONDS = 20
ACCEPTED = set(Kind) - {Kind.READ_USER, Kind.READ_TEAM}
REFUSED = {"AlreadyOnTeam", "NotOnTeam", "TeamFull", "TeamNotFound", "VersionConflict"}


async def test_what_64_clients_do_through_three_servers_is_consistent(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with (
        running_servers(3, mongodb_uri, empty_database) as servers,
        Load(
            client,
            empty_database,
            servers,
            request_seconds=REQUEST_SECONDS,
            clients=64,
            teams=50,
            users=200,
        ) as load,
    ):
        await load.after_more_changes(CHANGES_OF_EACH_SERVER)

        assert await load.judge() == []

    outcomes = [(each.request.kind, each.outcome) for each in load.history.operations]
    assert {kind for kind, outcome in outcomes if isinstance(outcome, Accepted)} == ACCEPTED
    assert {each.problem for _, each in outcomes if isinstance(each, Refused)} >= REFUSED
