from collections.abc import Callable
from typing import Any

import pytest

from tests.api.world import MAX_PAGES, new_id
from tests.harness.client import Answer, Client

ORDERS = ("NAME_ASC", "NAME_DESC", "CREATED_AT_ASC", "CREATED_AT_DESC")

TEAMS = """
query ($first: Int, $after: String, $last: Int, $before: String,
       $nameContains: String, $orderBy: TeamOrder! = CREATED_AT_ASC) {
  teams(first: $first, after: $after, last: $last, before: $before,
        nameContains: $nameContains, orderBy: $orderBy) {
    totalCount
    edges { cursor node { id name createdAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def list_teams(api: Client, **given: Any) -> Answer:
    connection: Answer = (await api.execute(TEAMS, given))["teams"]
    return connection


async def all_pages(
    api: Client, *, backward: bool = False, size: int, **given: Any
) -> list[Answer]:
    """Every team in the order of the list, read page by page from either end."""
    nodes: list[Answer] = []
    window: Answer = {"last": size} if backward else {"first": size}
    for _ in range(MAX_PAGES):
        page = await list_teams(api, **given, **window)
        found = [edge["node"] for edge in page["edges"]]
        nodes = [*found, *nodes] if backward else [*nodes, *found]
        info = page["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return nodes
        window |= {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}
    raise AssertionError("The pages never end.")


@pytest.fixture(scope="module")
async def marker(other_api: Client) -> str:
    """A word that the names of nine teams share; most of the names are equal."""
    marker = new_id("Team")
    for suffix in ("b", "a", "b", "", "ä", "b", "A", "a", "b"):
        await other_api.create_team(f"{marker}{suffix}")
    return marker


def sorted_as(order: str) -> Callable[[Answer], tuple[Any, str]]:
    key = "name" if order.startswith("NAME") else "createdAt"
    return lambda team: (team[key], team["id"])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("size", [1, 2, 4, 9, 10])
async def test_paging_visits_every_team_once_and_in_order(
    api: Client, marker: str, order: str, size: int, *, backward: bool
) -> None:
    teams = await all_pages(api, backward=backward, size=size, nameContains=marker, orderBy=order)

    assert len({team["id"] for team in teams}) == len(teams) == 9
    assert teams == sorted(teams, key=sorted_as(order), reverse=order.endswith("DESC"))


async def test_page_info_shows_whether_items_precede_and_follow_a_page(
    api: Client, marker: str
) -> None:
    everything = await list_teams(api, nameContains=marker, first=9)
    cursors = [edge["cursor"] for edge in everything["edges"]]

    middle = await list_teams(
        api, nameContains=marker, first=3, after=cursors[1], before=cursors[7]
    )
    end = await list_teams(api, nameContains=marker, last=3)

    assert [edge["cursor"] for edge in middle["edges"]] == cursors[2:5]
    assert middle["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": True,
        "startCursor": cursors[2],
        "endCursor": cursors[4],
    }
    assert [edge["cursor"] for edge in end["edges"]] == cursors[6:]
    assert end["pageInfo"]["hasPreviousPage"] is True
    assert end["pageInfo"]["hasNextPage"] is False
    assert everything["totalCount"] == middle["totalCount"] == 9
    assert everything["pageInfo"]["hasNextPage"] is False
    assert everything["pageInfo"]["hasPreviousPage"] is False


async def test_the_cursor_of_a_deleted_team_still_marks_its_place(api: Client) -> None:
    marker = new_id("Team")
    teams = [await api.create_team(f"{marker}{suffix}") for suffix in "abc"]
    page = await list_teams(api, nameContains=marker, first=2)

    await api.mutate("deleteTeam", teamId=teams[1]["id"], expectedVersion=1)
    cursor = page["pageInfo"]["endCursor"]
    after = await list_teams(api, nameContains=marker, after=cursor)
    before = await list_teams(api, nameContains=marker, before=cursor)

    assert [edge["node"]["id"] for edge in after["edges"]] == [teams[2]["id"]]
    assert [edge["node"]["id"] for edge in before["edges"]] == [teams[0]["id"]]


@pytest.mark.parametrize("part", [".*", "a|b", "[x]", "(", "\\", "^$", "?+", "{2}", "%", "'\""])
async def test_a_part_of_a_name_is_matched_literally(api: Client, part: str) -> None:
    marker = new_id("Team")
    wanted = await api.create_team(f"{marker}<{part}>")
    await api.create_team(f"{marker}<abxx>")

    page = await list_teams(api, nameContains=f"{marker}<{part}>")

    assert [edge["node"]["id"] for edge in page["edges"]] == [wanted["id"]]
    assert page["totalCount"] == 1


async def test_a_part_of_a_name_is_matched_ignoring_case(api: Client) -> None:
    marker = new_id("team")
    team = await api.create_team(f"The {marker} of Zoë")

    page = await list_teams(api, nameContains=f"{marker.upper()} OF ZOË")

    assert [edge["node"]["id"] for edge in page["edges"]] == [team["id"]]


async def test_an_empty_part_of_a_name_matches_every_name(api: Client, marker: str) -> None:
    page = await list_teams(api, nameContains="", first=1)

    assert marker
    assert page["totalCount"] == (await list_teams(api))["totalCount"] >= 9
