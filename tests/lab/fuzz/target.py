"""The target of fuzzing: two servers on one database, observed from outside."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

import psutil

from app.embedded.database import embedded_database
from app.storage.client import Client as MongoClient
from app.storage.client import close, connect, team_changes_of, teams_of
from tests.harness.client import Client
from tests.harness.servers import Server
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET
from tests.lab.checker.change_log import check_change_log
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.history import FinalState
from tests.lab.checker.memberships import check_memberships
from tests.lab.final_state import settled_state
from tests.lab.fuzz.exchange import NoAnswer, ask, converse
from tests.lab.fuzz.judge import judge_answer, judge_conversation
from tests.lab.fuzz.probes import Probe, Transport
from tests.lab.fuzz.values import Known

DEFAULT_CAPACITY: Final = 5
USER_IDS: Final = tuple(f"user-{number}" for number in range(12))
TEAMS_AT_A_TIME: Final = 6

# One as a developer has it, one as an operator may.
SETTINGS: Final = (
    {"DEFAULT_CAPACITY": str(DEFAULT_CAPACITY)},
    {
        "DEFAULT_CAPACITY": str(DEFAULT_CAPACITY),
        "JWT_SECRET": SECRET,
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "EVERYONE_MAY_CREATE_TEAMS": "on",
        "MAX_BATCH_SIZE": "5",
        "LOG_FORMAT": "json",
        "METRICS_PORT": "0",
    },
)

_ALARMING: Final = (" ERROR ", " CRITICAL ", '"level":"error"', '"level":"critical"')
LINES_OF_AN_ALARM: Final = 30


class Target:
    def __init__(self, servers: Sequence[Server], mongodb: MongoClient, database: str) -> None:
        self._servers = servers
        self._mongodb = mongodb
        self._database = database

    async def send(self, probes: Sequence[Probe]) -> list[str]:
        """Sends all at once; returns a sentence for each violation in the answers."""
        found = await asyncio.gather(*(self._send(probe) for probe in probes))
        return [sentence for sentences in found for sentence in sentences]

    async def _send(self, probe: Probe) -> list[str]:
        port = self._servers[probe.server].port
        try:
            if probe.transport is Transport.WEBSOCKET:
                conversation = await converse(port, probe.sent, is_whole=probe.is_whole)
                return list(judge_conversation(conversation, is_whole=probe.is_whole))
            answers = await ask(port, probe.sent, is_whole=probe.is_whole)
        except (NoAnswer, ValueError, OSError) as error:
            return [f"{type(error).__name__}: {error}"]
        if probe.is_whole and not answers:
            return ["The request was not answered."]
        return [sentence for answer in answers for sentence in judge_answer(answer)]

    async def renew_teams(self) -> Known:
        """New teams for users to fight over, since those before have been deleted or filled."""
        async with Client(self._servers[0].url) as client:
            teams = [await client.create_team() for _ in range(TEAMS_AT_A_TIME)]
        return Known([team["id"] for team in teams], USER_IDS)

    def memory_bytes(self) -> list[int]:
        """The resident memory of each server; none if it has exited."""
        return [_memory_of(server.pid) for server in self._servers]

    def alarms(self) -> list[str]:
        """The log lines that indicate a bug, each with the lines that follow."""
        found = []
        for server in self._servers:
            lines = bytes(server.log).decode("utf-8", "replace").splitlines()
            found += [
                "\n".join(lines[number : number + LINES_OF_AN_ALARM])
                for number, line in enumerate(lines)
                if any(mark in line for mark in _ALARMING)
            ]
        return found

    async def broken_rules(self) -> list[str]:
        """A sentence for each rule that the data breaks, once the log is complete."""
        final = await settled_state(self._mongodb, self._database, "", [])
        evidence = Evidence([], _without_request_ids(final))
        found = [*check_memberships(evidence), *check_change_log(evidence)]
        return [str(violation) for violation in found] + [s async for s in self._overfull_teams()]

    async def _overfull_teams(self) -> AsyncIterator[str]:
        limit = {"$ifNull": ["$capacity", DEFAULT_CAPACITY]}
        too_many = {"$expr": {"$gt": [{"$size": "$userIds"}, limit]}}
        async for team in teams_of(self._mongodb, self._database).find(too_many):
            yield f"Team {team['_id']} has {len(team['userIds'])} members, beyond its capacity."

    async def count_changes(self) -> int:
        return await team_changes_of(self._mongodb, self._database).count_documents({})


def _memory_of(process_id: int) -> int:
    try:
        return int(psutil.Process(process_id).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _without_request_ids(final: FinalState) -> FinalState:
    """Request ids are drawn too, so that one may belong to several requests of several users."""
    teams = {
        team_id: replace(team, log=tuple(replace(change, request_id=None) for change in team.log))
        for team_id, team in final.teams.items()
    }
    return replace(final, teams=teams)


@asynccontextmanager
async def running_target() -> AsyncIterator[Target]:
    """The servers and a MongoDB of their own, as long as the context."""
    database = f"fuzz_{uuid4().hex[:8]}"
    with TemporaryDirectory() as folder, embedded_database(Path(folder)) as uri:
        servers = [Server(uri, database, **settings) for settings in SETTINGS]
        mongodb = connect(uri, timeout_seconds=10)
        try:
            await asyncio.gather(*(server.start() for server in servers))
            yield Target(servers, mongodb, database)
        finally:
            await asyncio.gather(*(server.stop() for server in servers))
            await close(mongodb)
