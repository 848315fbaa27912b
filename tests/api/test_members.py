from typing import Any

import pytest

from tests.api.world import MAX_PAGES, create_team_with, new_id
from tests.harness.client import Answer, Client

MEMBERS = """
query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  team(id: $id) { members(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""


class Roster:
    """A team of ten, in the order of joining, and its pages."""

    def __init__(self, api: Client, team_id: str, members: list[str]) -> None:
        self.api = api
        self.team_id = team_id
        self.members = members

    async def page(self, **given: Any) -> Answer:
        found = await self.api.execute(MEMBERS, {"id": self.team_id, **given})
        page: Answer = found["team"]["members"]
        return page

    async def further_pages(
        self, page: Answer, *, size: int, backward: bool = False
    ) -> list[Answer]:
        """The pages beyond a page, in the order in which they are read."""
        pages: list[Answer] = []
        for _ in range(MAX_PAGES):
            info = page["pageInfo"]
            if backward and info["hasPreviousPage"]:
                page = await self.page(last=size, before=info["startCursor"])
            elif not backward and info["hasNextPage"]:
                page = await self.page(first=size, after=info["endCursor"])
            else:
                return pages
            pages.append(page)
        raise AssertionError("The pages never end.")

    async def remove(self, *members: str) -> None:
        for member in members:
            await self.api.mutate("removeUserFromTeam", teamId=self.team_id, userId=member)

    async def add(self) -> str:
        user_id = new_id("late")
        await self.api.mutate("addUserToTeam", teamId=self.team_id, userId=user_id)
        return user_id


def ids(page: Answer) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.fixture
async def roster(api: Client) -> Roster:
    members = [new_id(f"m{number}") for number in range(10)]
    team = await create_team_with(api, *members, capacity=100)
    return Roster(api, team["id"], members)


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("backward", [False, True])
async def test_paging_visits_every_member_once_in_the_order_of_joining(
    roster: Roster, size: int, *, backward: bool
) -> None:
    first = await roster.page(**{"last" if backward else "first": size})

    pages = [first, *await roster.further_pages(first, size=size, backward=backward)]

    in_order = reversed(pages) if backward else pages
    assert [member for page in in_order for member in ids(page)] == roster.members


async def test_page_info_of_a_page_between_two_cursors(roster: Roster) -> None:
    everything = await roster.page()
    cursors = [edge["cursor"] for edge in everything["edges"]]

    middle = await roster.page(first=2, after=cursors[1], before=cursors[5])
    tail = await roster.page(last=2, after=cursors[1], before=cursors[5])
    nothing = await roster.page(after=cursors[9])

    assert ids(everything) == roster.members
    assert ids(middle) == roster.members[2:4]
    assert ids(tail) == roster.members[3:5]
    assert middle["totalCount"] == 10
    assert middle["pageInfo"]["hasNextPage"] is True
    assert middle["pageInfo"]["hasPreviousPage"] is True
    assert ids(nothing) == []
    assert nothing["pageInfo"]["hasNextPage"] is False


async def test_paging_skips_nobody_if_the_cursors_member_has_left_and_rejoined(
    roster: Roster,
) -> None:
    first = await roster.page(first=4)
    back = roster.members[3]

    await roster.remove(back)
    await roster.api.mutate("addUserToTeam", teamId=roster.team_id, userId=back)
    rest = await roster.page(after=first["pageInfo"]["endCursor"])

    assert set(ids(rest)) >= set(roster.members[4:])


async def test_members_of_many_teams_are_each_shown_under_their_own(api: Client) -> None:
    name = new_id("team")
    teams = {}
    for _ in range(3):
        members = [new_id(), new_id()]
        team = await create_team_with(api, *members, name=name)
        teams[team["id"]] = members
    query = """query ($name: String) { teams(nameContains: $name) { edges { node {
        id members(first: 1) { edges { node { id team { id } } } }
        everybody: members { totalCount edges { node { id } } }
    } } } }"""

    found = await api.execute(query, {"name": name})

    for edge in found["teams"]["edges"]:
        node = edge["node"]
        (first,) = node["members"]["edges"]
        assert first["node"] == {"id": teams[node["id"]][0], "team": {"id": node["id"]}}
        assert ids(node["everybody"]) == teams[node["id"]]
        assert node["everybody"]["totalCount"] == 2


@pytest.mark.parametrize(
    "leaving",
    [[0], [3], [4], [6], [9], [0, 1, 2], [3, 4], [0, 6], [4, 5], [6, 7, 8, 9], [0, 2, 4, 6, 8]],
)
@pytest.mark.parametrize("joining", [0, 2])
@pytest.mark.parametrize("backward", [False, True])
async def test_paging_skips_nobody_who_stays_while_others_come_and_go(
    roster: Roster, leaving: list[int], joining: int, *, backward: bool
) -> None:
    first = await roster.page(**{"last" if backward else "first": 4})
    left = [roster.members[index] for index in leaving]
    await roster.remove(*left)
    late = [await roster.add() for _ in range(joining)]

    further = await roster.further_pages(first, size=4, backward=backward)

    seen = {member for page in (first, *further) for member in ids(page)}
    expected = {*roster.members, *([] if backward else late)} - set(left)
    assert seen >= expected
