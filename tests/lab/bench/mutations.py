"""addUserToTeam through the API against the same conditional update through the bare driver."""

from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import click
import orjson
import uvloop
from bson import ObjectId
from pymongo import ReturnDocument

from app.storage.client import Collection, close, connect, teams_of
from app.storage.preparation import prepare_database
from tests.lab.bench.load import ADMIN, Call, Connection, Timing, connected, run_load
from tests.lab.bench.servers import api, deployment

TEAMS = 100
JOINS_PER_SIZE = 30
TEAM_SIZES = (10, 100, 1_000, 10_000)

ADD_USER = (
    "mutation ($input: AddUserToTeamInput!) { addUserToTeam(input: $input) {"
    " __typename ... on AddUserToTeamSuccess { team { id version } } ... on Problem { message } } }"
)
ADDED = b'"__typename":"AddUserToTeamSuccess"'


@click.command()
@click.option("--connections", default=32, show_default=True, help="Clients at once.")
@click.option("--mutations", default=3_000, show_default=True, help="Per round and side.")
@click.option("--rounds", default=5, show_default=True, help="The two sides take turns.")
@click.option("--workers", default=1, show_default=True, help="API processes.")
@click.option("--mongodb-uri", help="A replica set to use; by default one is started.")
def main(
    connections: int, mutations: int, rounds: int, workers: int, mongodb_uri: str | None
) -> None:
    """Measures addUserToTeam: rate and latency beside the bare driver's, and cost by team size."""
    database = f"bench_{uuid4().hex[:8]}"
    with deployment(mongodb_uri) as uri, api(uri, database, workers=workers) as server:
        uvloop.run(_measure(uri, database, server.port, connections, mutations, rounds))


async def _measure(
    uri: str, database: str, port: int, connections: int, mutations: int, rounds: int
) -> None:
    client = connect(uri, timeout_seconds=30)
    await prepare_database(client, database)
    teams = teams_of(client, database)
    try:
        await _compare(teams, port, connections, mutations, rounds)
        async with connected(port, 1) as (socket,):
            await cost_by_size(teams, socket)
    finally:
        await client.drop_database(database)
        await close(client)


async def _compare(
    teams: Collection, port: int, connections: int, mutations: int, rounds: int
) -> None:
    """Rounds in turn, on fresh teams each, so that drift of the machine's speed hits both sides."""
    bare: list[Timing] = []
    api: list[Timing] = []
    for round_number in range(-1, rounds):  # the first one warms up and is not counted
        ids = await insert_teams(teams, [0] * TEAMS)
        bare_timing = await run_load([bare_join(teams, ids)] * connections, 0, mutations)
        ids = await insert_teams(teams, [0] * TEAMS)
        async with connected(port, connections) as sockets:
            api_timing = await run_load(
                [api_join(socket, ids) for socket in sockets], mutations, mutations
            )
        await teams.delete_many({})
        if round_number >= 0:
            bare.append(bare_timing)
            api.append(api_timing)
    click.echo(f"addUserToTeam, {connections} connections, {rounds} rounds of {mutations}:")
    click.echo(f"  {'':14}{'mutations/s':>12}{'p50 ms':>9}{'p99 ms':>9}")
    for name, timings in (("bare driver", bare), ("API", api)):
        rate = median(timing.rate for timing in timings)
        p50 = median(timing.percentile(50) for timing in timings) * 1000
        p99 = median(timing.percentile(99) for timing in timings) * 1000
        click.echo(f"  {name:14}{rate:12.0f}{p50:9.1f}{p99:9.1f}")
    ratios = sorted(a.rate / b.rate for a, b in zip(api, bare, strict=True))
    click.echo(
        f"  ratio API / bare driver: {median(ratios):.2f} "
        f"(from {ratios[0]:.2f} to {ratios[-1]:.2f} in single rounds)"
    )


async def cost_by_size(teams: Collection, socket: Connection) -> None:
    """Print the latency of a join through the API for each of `TEAM_SIZES`."""
    click.echo("One join through the API, one connection, by the size of the team:")
    click.echo(f"  {'members':>8}{'median ms':>11}{'x the smallest':>16}")
    smallest = 0.0
    for size in TEAM_SIZES:
        (team_id,) = await insert_teams(teams, [size - 1])
        join = api_join(socket, [team_id])
        took = []
        for number in range(JOINS_PER_SIZE):
            began = perf_counter()
            await join(number)
            took.append(perf_counter() - began)
            await teams.update_one({"_id": team_id}, {"$pop": {"userIds": 1}})
        milliseconds = median(took) * 1000
        smallest = smallest or milliseconds
        click.echo(f"  {size:8}{milliseconds:11.2f}{milliseconds / smallest:16.1f}")
        await teams.delete_many({})


async def insert_teams(teams: Collection, sizes: list[int]) -> list[ObjectId]:
    """Teams with so many members, written past the service."""
    documents: list[dict[str, Any]] = [
        {
            "_id": ObjectId(),
            "name": "bench",
            "userIds": [uuid4().hex for _ in range(size)],
            "version": 1,
            "capacity": 10_000,
        }
        for size in sizes
    ]
    await teams.insert_many(documents)
    return [document["_id"] for document in documents]


def bare_join(teams: Collection, ids: list[ObjectId]) -> Call:
    """The write that the service makes, with nothing around it."""

    async def join(number: int) -> None:
        user_id, now = f"user-{number}", datetime.now(UTC)
        team = await teams.find_one_and_update(
            {
                "_id": ids[number % len(ids)],
                "userIds": {"$ne": user_id},
                "$expr": {"$lt": [{"$size": "$userIds"}, {"$ifNull": ["$capacity", 1_000]}]},
                "deletedAt": None,
            },
            {
                "$push": {"userIds": user_id},
                "$set": {
                    "lastChange": {
                        "kind": "UserJoinedTeam",
                        "userId": user_id,
                        "actorId": None,
                        "at": now,
                        "requestId": None,
                    },
                    "updatedAt": now,
                },
                "$inc": {"version": 1},
            },
            projection={"name": 1, "version": 1, "capacity": 1, "createdAt": 1, "updatedAt": 1},
            return_document=ReturnDocument.AFTER,
        )
        if team is None:
            raise RuntimeError("The bare driver's update was refused.")

    return join


def api_join(socket: Connection, ids: list[ObjectId], headers: bytes = ADMIN) -> Call:
    """A mutation that must be accepted, by whom the headers name."""

    async def join(number: int) -> None:
        given = {"teamId": str(ids[number % len(ids)]), "userId": f"user-{number}"}
        body = {"query": ADD_USER, "variables": {"input": given}}
        answer = await socket.post("/graphql", orjson.dumps(body), headers=headers)
        if ADDED not in answer:
            raise RuntimeError(f"The API refused: {answer.decode()}")

    return join


if __name__ == "__main__":
    main(prog_name="scripts/bench")
