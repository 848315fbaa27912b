import asyncio
import random

from app.storage.client import Client as MongoClient
from tests.harness.client import Client
from tests.harness.servers import running_servers
from tests.lab.asking import ask
from tests.lab.checker.check import check
from tests.lab.checker.history import Accepted, History, Kind, Refused
from tests.lab.final_state import settled_state
from tests.lab.workload import Workload

SERVERS = 3
CLIENTS = 64
USERS = 200
TEAMS = 50
REQUESTS_PER_CLIENT = 60
SEED = 20
ACCEPTED = set(Kind) - {Kind.READ_USER, Kind.READ_TEAM}
REFUSED = {"AlreadyOnTeam", "NotOnTeam", "TeamFull", "TeamNotFound", "VersionConflict"}


async def play(name: str, through: Client, workload: Workload, history: History) -> None:
    """Sends requests one after the other, and notes what is answered."""
    for _ in range(REQUESTS_PER_CLIENT):
        request = workload.next(name)
        call = history.start(request)
        outcome = await ask(through, request)
        call.complete(outcome)
        workload.learn(request, outcome)


async def test_what_64_clients_do_through_three_servers_is_consistent(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    workload = Workload("", random.Random(SEED), teams=TEAMS, users=USERS)
    history = History()
    async with running_servers(SERVERS, mongodb_uri, empty_database) as servers:
        clients = [Client(servers[number % SERVERS].url) for number in range(CLIENTS)]

        await asyncio.gather(
            *(
                play(f"client-{number}", through, workload, history)
                for number, through in enumerate(clients)
            )
        )
        for through in clients:
            await through.aclose()
        final = await settled_state(client, empty_database, "", ())

    operations = history.operations
    assert check(operations, final) == []
    assert len(operations) == CLIENTS * REQUESTS_PER_CLIENT
    outcomes = [(operation.request.kind, operation.outcome) for operation in operations]
    assert {kind for kind, outcome in outcomes if isinstance(outcome, Accepted)} == ACCEPTED
    assert {each.problem for _, each in outcomes if isinstance(each, Refused)} >= REFUSED
