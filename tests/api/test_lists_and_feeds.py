"""Reading teams, then following them from there: no change is lost or repeated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest

from tests.api.feeds import ALL_TEAM_CHANGES, TEAM_CHANGES, feed
from tests.api.world import new_id
from tests.harness.client import Answer, Client, ServerError
from tests.harness.servers import Server

TRIALS = 8
PAGE = """
query ($marker: String!, $first: Int!, $after: String, $asOf: String) {
  teams(nameContains: $marker, first: $first, after: $after, asOf: $asOf) {
    cursor totalCount edges { node { id version } } pageInfo { hasNextPage endCursor }
  }
}
"""
MEMBERS = """
query ($id: ID!) { team(id: $id) { version members(first: 100) { edges { node { id } } } } }
"""


@asynccontextmanager
async def under_way(*writers: Awaitable[None]) -> AsyncIterator[None]:
    """The writers write for as long as the context lasts; one that fails, fails the test."""
    tasks = [asyncio.ensure_future(writer) for writer in writers]
    try:
        yield
    finally:
        failed = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not failed


async def renaming(api: Client, marker: str, ours: set[str]) -> None:
    team = await api.create_team(marker)
    ours.add(team["id"])
    for version in count(1):
        await api.mutate(
            "updateTeam", teamId=team["id"], expectedVersion=version, name=f"{marker} {version}"
        )


async def creating_and_deleting(api: Client, marker: str, ours: set[str]) -> None:
    while True:
        team = await api.create_team(marker)
        ours.add(team["id"])
        await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)


async def read_list(api: Client, marker: str, page_size: int) -> tuple[dict[str, int], str]:
    """The versions of all teams of the test, read in pages at one moment, and its cursor."""
    versions: dict[str, int] = {}
    given: Answer = {"marker": marker, "first": page_size}
    while True:
        page = (await api.execute(PAGE, given))["teams"]
        for edge in page["edges"]:
            assert edge["node"]["id"] not in versions
            versions[edge["node"]["id"]] = edge["node"]["version"]
        given |= {"asOf": page["cursor"], "after": page["pageInfo"]["endCursor"]}
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(versions)
            return versions, page["cursor"]


async def follow(
    next_change: Callable[[], Awaitable[Answer]],
    before: dict[str, int],
    after: dict[str, int],
) -> set[str]:
    """Lays changes on a list until it is a later list; each must be the very next of its team.

    The answer names teams that are neither in the list nor new: they should be other tests'.
    """
    seen = dict(before)
    strangers: set[str] = set()
    deleted: set[str] = set()

    def is_there() -> bool:
        gone = before.keys() - after.keys()
        return gone <= deleted and all(seen.get(id_, 0) >= after[id_] for id_ in after)

    while not is_there():
        change = await next_change()
        team_id = change["teamId"]
        if team_id in seen or change["__typename"] == "TeamCreated":
            assert change["version"] == seen.get(team_id, 0) + 1, (change, before)
            seen[team_id] = change["version"]
            deleted |= {team_id} if change["__typename"] == "TeamDeleted" else set()
        else:
            strangers.add(team_id)
    return strangers


@pytest.mark.parametrize("page_size", [100, 2])
async def test_a_list_and_the_feed_from_its_cursor_lose_and_repeat_nothing(
    page_size: int, servers: list[Server], api: Client, other_api: Client
) -> None:
    marker = new_id("list")
    ours: set[str] = set()
    strangers: set[str] = set()
    query = ALL_TEAM_CHANGES.replace("team { id version }", "")
    writers = [renaming(each, marker, ours) for each in (api, other_api)]
    async with under_way(*writers, creating_and_deleting(api, marker, ours)):
        for trial in range(TRIALS):
            reader, server = (api, other_api)[trial % 2], servers[trial // 2 % 2]
            before, cursor = await read_list(reader, marker, page_size)
            async with feed(server, query, after=cursor) as changes, asyncio.timeout(15):
                after, _ = await read_list(reader, marker, page_size)
                strangers |= await follow(changes.next, before, after)
    assert not strangers & ours


async def test_a_team_and_its_members_are_read_at_one_moment(
    servers: list[Server], api: Client, other_api: Client
) -> None:
    users = [new_id() for _ in range(3)]
    team = await api.create_team()

    async def coming_and_going() -> None:
        while True:
            for mutation in ("addUserToTeam", "removeUserFromTeam"):
                for user_id in users:
                    await other_api.mutate(mutation, teamId=team["id"], userId=user_id)

    # Versions 2 to 4 are the three joining, 5 to 7 are the three leaving, and so on.
    states: list[list[str]] = [[], users[:1], users[:2], users, users[1:], users[2:]]
    async with under_way(coming_and_going()):
        for _ in range(TRIALS):
            found = (await api.execute(MEMBERS, {"id": team["id"]}))["team"]
            shown = [edge["node"]["id"] for edge in found["members"]["edges"]]

            assert shown == states[(found["version"] - 1) % 6]

    async with feed(
        servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=found["version"]
    ) as changes:
        if found["version"] < (await api.execute(MEMBERS, {"id": team["id"]}))["team"]["version"]:
            assert (await changes.next())["version"] == found["version"] + 1


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        ("WyJtb21lbnQiLDAsNDI5NDk2NzI5N10", "CURSOR_EXPIRED"),  # the year 1970
        ("WyJtb21lbnQiLDAsMF0", "INVALID_INPUT"),
        ("WyJtb21lbnQiLDAsOTIyMzM3MjAzNjg1NDc3NTgwN10", "CURSOR_EXPIRED"),  # the year 2106
        ("", "INVALID_INPUT"),
    ],
)
async def test_an_unreadable_moment_is_refused_with_a_code(
    as_of: str, code: str, api: Client
) -> None:
    with pytest.raises(ServerError) as refused:
        await api.execute(PAGE, {"marker": "", "first": 1, "asOf": as_of})

    assert refused.value.code == code
