import asyncio
import random
import time
from collections import Counter
from typing import Any

from app.storage.client import Client as MongoClient
from tests.harness.client import Answer, Client
from tests.harness.recording import ChangeLogReader
from tests.harness.servers import running_servers
from tests.harness.timeline import Operation, Timeline
from tests.lab.checker.answers import logged_change, outcome_of, team_version
from tests.lab.checker.check import check
from tests.lab.checker.history import FinalState, FinalTeam, History, Kind, Request, UserRead

SERVERS = 3
CLIENTS = 64
USERS = 200
TEAMS = 50
MUTATIONS_PER_CLIENT = 50
SEED = 20


class Player:
    """A client that fights over users at random, and notes what it asked for and was answered."""

    def __init__(self, number: int, through: Client, teams: list[Answer], history: History) -> None:
        self._name = f"client-{number}"
        self._history = history
        self._random = random.Random(SEED * 1_000 + number)
        self._through = through
        self._teams = teams
        # Every user is in the share of CLIENTS * 25 / USERS = 8 clients.
        first = number * 25 % USERS
        self._users = [f"user-{(first + i) % USERS}" for i in range(25)]
        self.operations: list[Operation] = []

    async def play(self) -> None:
        for _ in range(MUTATIONS_PER_CLIENT):
            await self._random.choices(
                [self._add, self._join, self._remove, self._move, self._rename, self._delete],
                weights=[30, 20, 20, 20, 12, 1],
            )[0]()

    async def create(self, name: str, **given: Any) -> Answer:
        team: Answer = (await self._mutate("createTeam", name=name, **given))["team"]
        return team

    async def _add(self) -> None:
        await self._mutate("addUserToTeam", userId=self._user(), teamId=self._team())

    async def _join(self) -> None:
        user = self._user()
        await self._mutate("joinTeam", viewer=user, userId=user, teamId=self._team())

    async def _remove(self) -> None:
        user = self._user()
        call = self._history.start(Request(self._name, Kind.READ_USER, user_id=user))
        found = await self._through.execute(
            "query ($id: ID!) { user(id: $id) { team { id version } } }", {"id": user}
        )
        team = found["user"]["team"]
        call.complete(UserRead(team_version(team) if team else None))
        team = team or {"id": self._team(), "version": 1}
        given: Answer = {"expectedVersion": team["version"]} if self._random.random() < 0.3 else {}
        if self._random.random() < 0.5:
            await self._mutate("removeUserFromTeam", userId=user, teamId=team["id"], **given)
        else:
            await self._mutate("leaveTeam", viewer=user, userId=user, teamId=team["id"], **given)

    async def _move(self) -> None:
        await self._mutate("moveUserToTeam", userId=self._user(), toTeamId=self._team())

    async def _rename(self) -> None:
        team_id = self._team()
        query = "query ($id: ID!) { team(id: $id) { version } }"
        team = (await self._through.execute(query, {"id": team_id}))["team"] or {"version": 1}
        await self._mutate(
            "updateTeam",
            teamId=team_id,
            expectedVersion=team["version"],
            name=f"Team {self._random.randrange(1_000)}",
        )

    async def _delete(self) -> None:
        team_id = self._team()
        query = "query ($id: ID!) { team(id: $id) { version } }"
        team = (await self._through.execute(query, {"id": team_id}))["team"] or {"version": 1}
        await self._mutate("deleteTeam", teamId=team_id, expectedVersion=team["version"])

    def _user(self) -> str:
        return self._random.choice(self._users)

    def _team(self) -> str:
        return str(self._random.choice(self._teams)["id"])

    async def _mutate(self, mutation: str, viewer: str | None = None, **given: Any) -> Answer:
        asked = dict(given)
        if viewer is not None:
            del asked["userId"]
        sent_at = time.monotonic()
        call = self._history.start(self._request(mutation, given))
        outcome = await self._through.mutate(mutation, viewer=viewer, **asked)
        call.complete(outcome_of(outcome))
        self.operations.append(Operation(mutation, given, outcome, sent_at, time.monotonic()))
        return outcome

    def _request(self, mutation: str, given: Answer) -> Request:
        return Request(
            self._name,
            Kind(mutation),
            team_id=given.get("toTeamId", given.get("teamId")),
            user_id=given.get("userId"),
            expected_version=given.get("expectedVersion"),
            name=given.get("name"),
            capacity=given.get("capacity"),
        )


async def read_final_state(client: MongoClient, database: str) -> FinalState:
    """The teams and their logs, once all that has happened is recorded."""
    log = ChangeLogReader(client, database)
    await log.wait_until_complete()
    started_at = time.monotonic()
    teams = {}
    for document in await client[database]["teams"].find().to_list(None):
        team_id = str(document["_id"])
        entries = await log.entries(team_id)
        teams[team_id] = FinalTeam(
            version=document["version"],
            members=tuple(document["userIds"]),
            log=tuple(logged_change(entry) for entry in entries),
            deleted="deletedAt" in document,
        )
    return FinalState(teams, started_at, time.monotonic())


async def test_what_64_clients_do_through_three_servers_is_consistent_and_truly_answered(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    async with running_servers(SERVERS, mongodb_uri, empty_database) as servers:
        clients = [Client(servers[number % SERVERS].url) for number in range(CLIENTS)]
        teams: list[Answer] = []
        history = History()
        players = [
            Player(number, through, teams, history) for number, through in enumerate(clients)
        ]
        for number in range(TEAMS):
            capacity: Answer = {"capacity": 5} if number % 2 else {}
            teams.append(await players[0].create(f"Team {number}", **capacity))

        await asyncio.gather(*(player.play() for player in players))
        for through in clients:
            await through.aclose()
        final = await read_final_state(client, empty_database)

    operations = [operation for player in players for operation in player.operations]
    timeline = Timeline.of(operations)
    documents = await client[empty_database]["teams"].find().to_list(None)
    on_teams = Counter(user for document in documents for user in document["userIds"])
    assert check(history.operations, final) == []
    assert timeline.faults == []
    assert timeline.compare(documents) == []
    assert [user for user, teams_of_user in on_teams.items() if teams_of_user > 1] == []
    assert len(operations) == TEAMS + CLIENTS * MUTATIONS_PER_CLIENT
    reasons = {operation.outcome["__typename"] for operation in operations}
    assert reasons >= {
        *("AlreadyOnTeam", "NotOnTeam", "TeamFull", "TeamNotFound", "VersionConflict"),
        *("AddUserToTeamSuccess", "JoinTeamSuccess", "LeaveTeamSuccess", "UpdateTeamSuccess"),
        *("MoveUserToTeamSuccess", "RemoveUserFromTeamSuccess", "DeleteTeamSuccess"),
    }
