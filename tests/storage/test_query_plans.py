"""The queries that the reads send are answered from the indexes, as the planner explains them."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from app.domain.changes import Moment
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.pages import (
    HistoryPage,
    PageRequest,
    TeamListing,
    TeamOptions,
    TeamOrder,
    TeamPosition,
)
from app.storage.changes.log import MongoChangeLog
from app.storage.client import Client, close, team_changes_of, teams_of
from app.storage.teams.directory import MongoTeamDirectory
from tests.harness.driver import Commands, connect

INDEX_OF = {
    order: "live_teams_by_name" if order.by_name else "live_teams_by_creation"
    for order in TeamOrder
}
SAID = {"find", "filter", "projection", "sort", "limit", "aggregate", "pipeline", "cursor"}
BEGAN_AT = datetime(2026, 5, 4, tzinfo=UTC)


class Plans:
    """A directory of 300 teams, and how its last find is answered."""

    def __init__(self, client: Client, database: str, commands: Commands) -> None:
        self.directory = MongoTeamDirectory(client, database, default_capacity=10)
        self.log = MongoChangeLog(client, database)
        self._database = client[database]
        self._commands = commands

    def _last_find(self) -> dict[str, Any]:
        *_, last = (each for name, each in self._commands.sent if name in {"find", "aggregate"})
        return {name: value for name, value in last.items() if name in SAID}

    async def keys_read(self) -> int:
        """The number of index keys that the last find reads."""
        plan = await self._database.command(
            {"explain": self._last_find(), "verbosity": "executionStats"}
        )
        keys: int = plan["executionStats"]["totalKeysExamined"]
        return keys

    async def looked_up(self) -> dict[str, Any]:
        """The plan of the last aggregation's `$lookup`."""
        plan = await self._database.command(
            {"explain": self._last_find(), "verbosity": "executionStats"}
        )
        return next(stage for stage in plan["stages"] if "$lookup" in stage)

    async def stages(self) -> list[dict[str, Any]]:
        """The stages of the winning plan of the last find."""
        plan = await self._database.command({"explain": self._last_find()})
        return list(_stages_of(plan["queryPlanner"]["winningPlan"]))


def _stages_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    plan = plan.get("queryPlan", plan)
    yield plan
    for below in (plan.get("inputStage"), *plan.get("inputStages", ())):
        if below:
            yield from _stages_of(below)


@pytest.fixture
async def plans(mongodb_uri: str, database: str) -> AsyncIterator[Plans]:
    commands = Commands()
    client = connect(mongodb_uri, timeout_seconds=10, listeners=[commands])
    await teams_of(client, database).insert_many(
        [
            {
                "name": f"Team {number % 50}",
                "userIds": [f"user-{number}"],
                "version": 1,
                "createdAt": BEGAN_AT + timedelta(seconds=number // 3),
            }
            for number in range(300)
        ]
    )
    yield Plans(client, database, commands)
    await close(client)


async def record_moves(client: Client, database: str) -> None:
    """Records that 10 users joined 5 teams, 100 times each."""
    await team_changes_of(client, database).insert_many(
        [
            {
                "position": number + 1,
                "teamId": f"team-{number % 5}",
                "version": number // 5 + 1,
                "kind": "UserJoinedTeam",
                "userId": f"user-{number % 10}",
                "at": BEGAN_AT,
                "commitTime": number + 1,
            }
            for number in range(1_000)
        ]
    )


def names(stages: list[dict[str, Any]]) -> set[str]:
    return {stage["stage"] for stage in stages}


def indexes(stages: list[dict[str, Any]]) -> set[str]:
    return {stage["indexName"] for stage in stages if "indexName" in stage}


async def test_a_users_team_is_found_by_the_unique_index(plans: Plans) -> None:
    found = await plans.directory.find_teams_of([UserId("user-7")], TeamOptions())

    stages = await plans.stages()
    assert set(found) == {"user-7"}
    assert indexes(stages) == {"one_team_per_user"}
    assert "COLLSCAN" not in names(stages)


async def test_a_query_of_another_program_by_user_uses_the_unique_index(
    client: Client, database: str
) -> None:
    plan = await client[database].command(
        {"explain": {"find": "teams", "filter": {"userIds": "sue"}}}
    )

    stages = list(_stages_of(plan["queryPlanner"]["winningPlan"]))
    assert indexes(stages) == {"one_team_per_user"}
    assert "IXSCAN" in names(stages)


@pytest.mark.parametrize("order", TeamOrder)
@pytest.mark.parametrize("from_back", [False, True])
@pytest.mark.parametrize("name_contains", [None, "Team 1"])
async def test_a_page_from_either_end_walks_an_index_and_sorts_nothing(
    plans: Plans, order: TeamOrder, name_contains: str | None, *, from_back: bool
) -> None:
    page: PageRequest[TeamPosition] = PageRequest(size=5, from_back=from_back)

    await plans.directory.list_teams(TeamListing(page, order, TeamOptions(), name_contains))

    stages = await plans.stages()
    assert indexes(stages) == {INDEX_OF[order]}
    assert not names(stages) & {"COLLSCAN", "SORT"}


async def test_a_page_in_the_middle_reads_hardly_more_of_the_index_than_it_shows(
    plans: Plans,
) -> None:
    read: dict[str, int] = {}

    for order, from_back in product(TeamOrder, (False, True)):
        position = TeamPosition(
            "Team 25" if order.by_name else BEGAN_AT + timedelta(seconds=50), TeamId("0" * 24)
        )
        page = PageRequest(
            size=5,
            after=None if from_back else position,
            before=position if from_back else None,
            from_back=from_back,
        )
        await plans.directory.list_teams(TeamListing(page, order, TeamOptions()))
        assert indexes(await plans.stages()) == {INDEX_OF[order]}
        read[
            f"{order.name} {'from the back' if from_back else 'from the front'}"
        ] = await plans.keys_read()

    # The page, one more, and twice those who share the key at its edge.
    assert {where: keys for where, keys in read.items() if keys > 25} == {}


@pytest.mark.parametrize("from_back", [False, True])
async def test_a_page_of_all_changes_reads_what_it_shows(
    plans: Plans, client: Client, database: str, *, from_back: bool
) -> None:
    await record_moves(client, database)
    window = Moment(400, CommitTime(0)), Moment(600, CommitTime(0))

    found = await plans.log.changes_on(PageRequest(5, *window, from_back))

    first = 595 if from_back else 401
    assert [change.position for change in found] == list(range(first, first + 5))
    assert indexes(await plans.stages()) == {"one_change_per_position"}
    assert "SORT" not in names(await plans.stages())
    assert await plans.keys_read() == 5


async def test_a_moment_divides_the_changes_by_their_commit_times(
    plans: Plans, client: Client, database: str
) -> None:
    await record_moves(client, database)
    # The log had 500 entries at the moment; ten more had been committed and were recorded later.
    moment = Moment(500, CommitTime(510))

    shown = await plans.log.changes_on(PageRequest(2, before=moment, from_back=True))
    later = await plans.log.changes_on(PageRequest(2, after=moment))
    future = Moment(900, CommitTime(2_000))
    none = await plans.log.changes_on(PageRequest(2, after=future))
    newest = await plans.log.changes_on(PageRequest(2, before=future, from_back=True))

    assert [change.position for change in shown] == [509, 510]
    assert [change.position for change in later] == [511, 512]
    assert not none
    assert [change.position for change in newest] == [999, 1_000]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("after", [None, 500])
async def test_histories_read_together_walk_an_index_and_read_what_they_show(
    plans: Plans, client: Client, database: str, after: int | None, *, newest_first: bool
) -> None:
    await record_moves(client, database)
    page = HistoryPage(size=2, after=after, newest_first=newest_first)
    teams = [TeamId(f"team-{number}") for number in range(6)]
    users = [UserId(f"user-{number}") for number in range(11)]

    by_team = await plans.log.histories_of_teams(teams, page)
    read_by_team = await plans.looked_up()
    by_user = await plans.log.histories_of_users(users, page)
    read_by_user = await plans.looked_up()

    assert [len(by_team[team_id]) for team_id in teams] == [2] * 5 + [0]
    assert [len(by_user[user_id]) for user_id in users] == [2] * 10 + [0]
    positions = [change.position for change in by_user[users[0]]]
    # User 0 was moved at 1, 11, 21 and so on.
    first = (491 if after else 991) if newest_first else (501 if after else 1)
    assert positions == [first, first - 10 if newest_first else first + 10]
    assert (read_by_team["totalDocsExamined"], read_by_team["indexesUsed"]) == (
        10,
        ["changes_by_team"],
    )
    assert (read_by_user["totalDocsExamined"], read_by_user["indexesUsed"]) == (
        20,
        ["changes_by_user"],
    )
