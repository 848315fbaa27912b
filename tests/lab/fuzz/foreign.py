"""An external writer beside clients that must not notice it."""

import asyncio
import random
from asyncio import TaskGroup
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx

from app.storage.client import Client as MongoClient
from app.storage.client import close, connect, team_changes_of
from tests.harness.client import Client
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import Subscriber
from tests.harness.waiting import eventually
from tests.lab.fuzz.exchange import Answer
from tests.lab.fuzz.foreign_writes import ForeignWriter
from tests.lab.fuzz.judge import judge_answer
from tests.lab.processes import deployment

Step = Callable[[], Awaitable[None]]

UNTOUCHED, LOWERED, TOUCHED = 6, 2, 4
ROUND_SECONDS: Final = 10.0
# What is acknowledged must be recorded and sent so soon, on a busy machine as well.
SOON_SECONDS: Final = 20.0
REQUEST_SECONDS: Final = 15.0
# A round's last requests and its judging take less.
OVERTIME_SECONDS: Final = 90.0
_LOST_PLACE: Final = "CURSOR_EXPIRED"
_ORDERS: Final = ("NAME_ASC", "NAME_DESC", "CREATED_AT_ASC", "CREATED_AT_DESC")
_PAGE: Final = """
query ($after: String, $order: TeamOrder!) { teams(first: 25, after: $after, orderBy: $order) {
  edges { node { id name version capacity memberCount createdAt updatedAt
    members(first: 3) { edges { node { id } } } } }
  pageInfo { hasNextPage endCursor } } }
"""
_TEAM: Final = """
query ($id: ID!) { team(id: $id) { id name version members(first: 9) { edges { node {
  id team { id } } } } history(first: 5) { edges { node { __typename version at } } } } }
"""
_CHANGE: Final = """
mutation ($team: ID!, $user: ID!, $id: ID!) {
  addUserToTeam(input: {teamId: $team, userId: $user, requestId: $id}) { __typename }
  updateTeam(input: {teamId: $team, name: "Again", expectedVersion: 3}) { __typename }
  removeUserFromTeam(input: {teamId: $team, userId: $user}) { __typename }
}
"""


class ForeignFuzzing:
    """A run: what was done, and what was wrong."""

    def __init__(
        self, servers: Sequence[Server], mongodb: MongoClient, database: str, seed: int
    ) -> None:
        self._servers = servers
        self._log = team_changes_of(mongodb, database)
        self._clients = [Client(each.url, timeout_seconds=REQUEST_SECONDS) for each in servers]
        self._writer = ForeignWriter(mongodb, database, seed)
        self._chance = random.Random(seed)
        self._feeds: dict[str, Subscriber] = {}
        self._versions: dict[str, int] = {}
        self._acknowledged: dict[str, list[str]] = {}
        self.done = Counter[str]()
        self.wrong: list[str] = []

    async def run(self, seconds: float) -> None:
        """Works in rounds until the time is up or something is wrong; each is judged."""
        began_at = monotonic()
        await self._begin()
        async with TaskGroup() as following:
            tasks = [following.create_task(feed.follow()) for feed in self._feeds.values()]
            while not self.wrong and monotonic() < began_at + seconds:
                end = min(monotonic() + ROUND_SECONDS, began_at + seconds)
                await self._round(end)
                await self._judge()
                done = ", ".join(f"{what} {count:,}" for what, count in sorted(self.done.items()))
                print(f"{monotonic() - began_at:5.0f} s: {done}", flush=True)
            for task in tasks:
                task.cancel()
        for client in self._clients:
            await client.aclose()
        print(", ".join(f"{what} {count:,}" for what, count in self._writer.done.items()))

    async def _begin(self) -> None:
        urls = [server.url for server in self._servers]
        teams = [
            (await self._clients[0].create_team())["id"]
            for _ in range(UNTOUCHED + LOWERED + TOUCHED)
        ]
        self._versions = dict.fromkeys(teams[:UNTOUCHED], 1)
        self._writer.lowered = teams[UNTOUCHED : UNTOUCHED + LOWERED]
        self._acknowledged = {team_id: [] for team_id in self._writer.lowered}
        self._writer.give(*teams[UNTOUCHED + LOWERED :])
        self._feeds = {
            team_id: Subscriber(urls[number % len(urls) :] + urls, team_id)
            for number, team_id in enumerate(self._versions)
        }

    async def _round(self, end: float) -> None:
        work: list[Step] = [
            self._write,
            self._turn_pages,
            self._use_touched,
        ]
        work += [self._use(team_id) for team_id in self._versions]
        work += [self._use_lowered(team_id) for team_id in self._acknowledged]

        async def repeat(step: Step) -> None:
            while monotonic() < end and not self.wrong:
                try:
                    await step()
                except (httpx.TransportError, ValueError) as error:
                    self.wrong.append(f"A server gave no answer: {error!r}")

        async with TaskGroup() as group:
            for step in work:
                group.create_task(repeat(step))

    async def _write(self) -> None:
        await self._writer.write()
        self.done["foreign writes"] += 1
        await asyncio.sleep(0.005)

    def _use(self, team_id: str) -> Step:
        """Changes of a team that nobody else writes to: each must be accepted."""
        user_id = f"member-of-{team_id}"

        async def step() -> None:
            version = self._versions[team_id]
            mutation = "removeUserFromTeam" if version % 2 == 0 else "addUserToTeam"
            query = (
                f"mutation ($team: ID!, $user: ID!) {{ {mutation}"
                "(input: {teamId: $team, userId: $user}) "
                "{ __typename ... on Problem { message } } }"
            )
            found = await self._ask(query, team=team_id, user=user_id)
            outcome = (found.get("data") or {}).get(mutation)
            if not outcome or not outcome["__typename"].endswith("Success"):
                self.wrong.append(f"{mutation} on untouched team {team_id}: {found}")
                return
            self._versions[team_id] = version + 1
            self.done["changes"] += 1
            await asyncio.sleep(0.05)

        return step

    def _use_lowered(self, team_id: str) -> Step:
        """Changes of a team whose version is set: those that are accepted must be recorded."""

        async def step() -> None:
            request_id, user_id = uuid4().hex, f"of-{team_id}"
            variables = {"team": team_id, "user": user_id, "id": request_id}
            found = await self._ask(_CHANGE, **variables)
            added = (found.get("data") or {}).get("addUserToTeam") or {}
            if added.get("__typename", "").endswith("Success"):
                self._acknowledged[team_id].append(request_id)
                self.done["changes at odd versions"] += 1
            await asyncio.sleep(0.05)

        return step

    async def _use_touched(self) -> None:
        team_id = self._writer.some_team()
        await self._ask(_TEAM, id=team_id)
        await self._ask(_CHANGE, team=team_id, user=f"x-{team_id}"[:90], id=uuid4().hex)
        self.done["uses of odd teams"] += 1

    async def _turn_pages(self) -> None:
        """All pages in one order: each is there, and every untouched team on one."""
        order, after, seen = self._chance.choice(_ORDERS), None, set[str]()
        while True:
            found = await self._ask(_PAGE, order=order, after=after)
            if not found.get("data"):
                if after is None or found["errors"][0]["extensions"]["code"] != _LOST_PLACE:
                    self.wrong.append(f"A page of teams is missing ({order}): {found}"[:1000])
                return
            teams = found["data"]["teams"]
            seen |= {edge["node"]["id"] for edge in teams["edges"] if edge["node"]}
            self.done["pages"] += 1
            if not teams["pageInfo"]["hasNextPage"]:
                break
            after = teams["pageInfo"]["endCursor"]
        if missing := set(self._versions) - seen:
            self.wrong.append(f"Teams {missing} are on no page ({order}).")

    async def _ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer of one of the servers, judged."""
        client = self._chance.choice(self._clients)
        response = await client.post({"query": query, "variables": variables})
        answer = Answer(response.status_code, response.headers, response.content)
        self.wrong += [f"{sentence} For {variables}." for sentence in judge_answer(answer)]
        found: dict[str, Any] = response.json()
        return found

    async def _judge(self) -> None:
        """Everything that was acknowledged is in the log, and in the feeds."""
        try:
            await eventually(self._is_all_there, timeout_seconds=SOON_SECONDS)
        except TimeoutError:
            self.wrong += await self._missing()
        for team_id, feed in self._feeds.items():
            if feed.errors:
                self.wrong.append(f"The feed of untouched team {team_id}: {feed.errors}")
            if feed.versions != list(range(1, len(feed.versions) + 1)):
                self.wrong.append(f"The feed of untouched team {team_id} tells {feed.versions}.")
        for server in self._servers:
            log = bytes(server.log).decode("utf-8", "replace")
            if (start := log.find("Traceback")) >= 0:
                self.wrong.append(f"In a server's log: {log[max(0, start - 500) : start + 6000]}")

    async def _is_all_there(self) -> bool:
        return not await self._missing()

    async def _missing(self) -> list[str]:
        found = []
        for team_id, version in self._versions.items():
            recorded = await self._log.count_documents({"teamId": team_id})
            if recorded != version:
                found.append(f"Of team {team_id} {recorded} of {version} changes are recorded.")
            if (sent := len(self._feeds[team_id].versions)) != version:
                found.append(f"Of team {team_id} {sent} of {version} changes were sent.")
        for team_id, request_ids in self._acknowledged.items():
            recorded = await self._log.count_documents(
                {"teamId": team_id, "requestId": {"$in": request_ids}}
            )
            if recorded != len(request_ids):
                found.append(
                    f"Of team {team_id}, whose version was set, {recorded} of {len(request_ids)} "
                    "accepted changes are recorded."
                )
        return found


async def fuzz_foreign(seconds: float, *, servers: int, seed: int) -> list[str]:
    """Runs an external writer for that time; returns a sentence for each violation."""
    database = f"fuzz_{uuid4().hex[:8]}"
    with deployment(None) as uri:
        mongodb = connect(uri, timeout_seconds=10)
        async with running_servers(servers, uri, database) as running:
            fuzzing = ForeignFuzzing(running, mongodb, database, seed)
            try:
                async with asyncio.timeout(seconds + OVERTIME_SECONDS):
                    await fuzzing.run(seconds)
            except TimeoutError:
                fuzzing.wrong.append(
                    f"The run was not over {OVERTIME_SECONDS:.0f} s after its time."
                )
        await close(mongodb)
    return fuzzing.wrong
