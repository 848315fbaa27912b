"""Joins through the API, and the same conditional update through the bare driver."""

from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import click
import orjson
from bson import ObjectId
from pymongo import ReturnDocument

from app.storage.client import Collection
from tests.lab.bench.load import ADMIN, Call, Connection

TEAMS = 100
JOINS_PER_SIZE = 30
TEAM_SIZES = (10, 100, 1_000, 10_000)

ADD_USER = (
    "mutation ($input: AddUserToTeamInput!) { addUserToTeam(input: $input) {"
    " __typename ... on AddUserToTeamSuccess { team { id version } } ... on Problem { message } } }"
)
ADDED = b'"__typename":"AddUserToTeamSuccess"'


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
    """Inserts teams with so many members directly into the database."""
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
    """The service's write, by the driver alone."""

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
    """A mutation that must be accepted."""

    async def join(number: int) -> None:
        given = {"teamId": str(ids[number % len(ids)]), "userId": f"user-{number}"}
        body = {"query": ADD_USER, "variables": {"input": given}}
        answer = await socket.post("/graphql", orjson.dumps(body), headers=headers)
        if ADDED not in answer:
            raise RuntimeError(f"The API refused: {answer.decode()}")

    return join
