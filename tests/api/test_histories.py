"""`Team.history` and `User.history`: pages of the change log."""

from typing import Any

import pytest

from tests.api.feeds import history_of, until_recorded
from tests.api.world import create_team_with, new_id
from tests.harness.client import Answer, Client


def _versions(history: Answer) -> list[int]:
    return [edge["node"]["version"] for edge in history["edges"]]


async def _busy_team(api: Client, versions: int) -> Answer:
    team = await api.create_team()
    for number in range(versions - 1):
        outcome = await api.mutate(
            "updateTeam", teamId=team["id"], expectedVersion=number + 1, name=f"Name {number}"
        )
        team = outcome["team"]
    await until_recorded(api, team["id"], versions)
    return team


@pytest.mark.parametrize("capacity", [9, None])
async def test_a_rename_tells_a_capacity_that_it_sets(api: Client, capacity: int | None) -> None:
    team = await api.create_team("Red", capacity=5)
    given: Answer = {"teamId": team["id"], "name": "Blue"}
    await api.mutate("updateTeam", expectedVersion=1, **given)
    await api.mutate("updateTeam", expectedVersion=2, capacity=capacity, **given)
    await until_recorded(api, team["id"], 3)

    edges = (await history_of(api, team["id"], last=2))["edges"]

    told = [(edge["node"]["setsCapacity"], edge["node"]["capacity"]) for edge in edges]
    assert told == [(False, None), (True, capacity)]


async def test_a_users_history_lists_teams_actors_and_times(api: Client, other_api: Client) -> None:
    sue = new_id()
    red = await create_team_with(api, new_id())
    blue = await api.create_team()
    await api.mutate("addUserToTeam", viewer="john", teamId=red["id"], userId=sue)
    await other_api.mutate("moveUserToTeam", viewer="mia", toTeamId=blue["id"], userId=sue)
    left = await api.mutate("leaveTeam", viewer=sue, teamId=blue["id"])
    await until_recorded(api, blue["id"], left["team"]["version"])

    history = await history_of(api, sue, of="user")

    told = [edge["node"] for edge in history["edges"]]
    assert [(c["__typename"], c["teamId"], c["actorId"]) for c in told] == [
        ("UserJoinedTeam", red["id"], "john"),
        ("UserLeftTeam", red["id"], "mia"),
        ("UserJoinedTeam", blue["id"], "mia"),
        ("UserLeftTeam", blue["id"], sue),
    ]
    assert told[1]["toTeamId"] == blue["id"]
    assert told[2]["fromTeamId"] == red["id"]
    assert [change["at"] for change in told] == sorted(change["at"] for change in told)


async def test_a_users_history_is_paged(api: Client) -> None:
    sue = new_id()
    team = await api.create_team()
    for _ in range(2):
        await api.mutate("addUserToTeam", teamId=team["id"], userId=sue)
        left = await api.mutate("removeUserFromTeam", teamId=team["id"], userId=sue)
    await until_recorded(api, team["id"], left["team"]["version"])

    newest = await history_of(api, sue, of="user", newestFirst=True, first=3)
    rest = await history_of(
        api, sue, of="user", newestFirst=True, first=3, after=newest["pageInfo"]["endCursor"]
    )
    oldest = await history_of(api, sue, of="user", newestFirst=True, last=3)

    assert (_versions(newest), _versions(rest)) == ([5, 4, 3], [2])
    assert _versions(oldest) == [4, 3, 2]
    assert (newest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


@pytest.mark.parametrize(
    ("size", "edge", "more", "newest_first", "expected"),
    [
        ("first", "after", "hasNextPage", False, [[1, 2, 3], [4, 5, 6], [7]]),
        ("first", "after", "hasNextPage", True, [[7, 6, 5], [4, 3, 2], [1]]),
        ("last", "before", "hasPreviousPage", False, [[5, 6, 7], [2, 3, 4], [1]]),
        ("last", "before", "hasPreviousPage", True, [[3, 2, 1], [6, 5, 4], [7]]),
    ],
)
async def test_a_teams_history_is_paged_from_either_end_in_either_order(
    api: Client, size: str, edge: str, more: str, expected: list[list[int]], *, newest_first: bool
) -> None:
    team = await _busy_team(api, 7)
    cursor = "endCursor" if size == "first" else "startCursor"

    pages: list[Answer] = []
    while not pages or pages[-1]["pageInfo"][more]:
        position = pages[-1]["pageInfo"][cursor] if pages else None
        page: dict[str, Any] = {size: 3, edge: position, "newestFirst": newest_first}
        pages.append(await history_of(api, team["id"], **page))

    assert [_versions(page) for page in pages] == expected
