"""`Query.changes`: the history of all teams, in the order of recording."""

from typing import Any

from tests.api.feeds import ALL_TEAM_CHANGES, CHANGE, feed, until_recorded
from tests.api.world import create_team_with, new_id
from tests.harness.client import Answer, Client
from tests.harness.servers import Server

CHANGES = f"""query ($first: Int, $after: String, $last: Int, $before: String) {{
  changes(first: $first, after: $after, last: $last, before: $before) {{
    edges {{ cursor node {{ {CHANGE} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""


async def changes(api: Client, **page: Any) -> Answer:
    found: Answer = (await api.execute(CHANGES, page))["changes"]
    return found


def made(page: Answer) -> list[tuple[str, int]]:
    """The team and version of each change."""
    return [(edge["node"]["teamId"], edge["node"]["version"]) for edge in page["edges"]]


async def changes_cursor(api: Client) -> str:
    cursor: str = (await api.execute("{ changesCursor }"))["changesCursor"]
    return cursor


async def two_teams(api: Client) -> list[tuple[str, int]]:
    """Makes five changes, and returns once they are recorded."""
    red = await create_team_with(api, new_id(), new_id())
    blue = await create_team_with(api, new_id())
    await until_recorded(api, red["id"], 3)
    await until_recorded(api, blue["id"], 2)
    return [(red["id"], 1), (red["id"], 2), (red["id"], 3), (blue["id"], 1), (blue["id"], 2)]


async def test_the_changes_of_all_teams_are_paged_from_either_end(api: Client) -> None:
    begin = await changes_cursor(api)
    expected = await two_teams(api)

    forward = [await changes(api, first=2, after=begin)]
    while forward[-1]["pageInfo"]["hasNextPage"]:
        forward.append(await changes(api, first=2, after=forward[-1]["pageInfo"]["endCursor"]))
    back = [await changes(api, last=2, after=begin)]
    while back[-1]["pageInfo"]["hasPreviousPage"]:
        before = back[-1]["pageInfo"]["startCursor"]
        back.append(await changes(api, last=2, after=begin, before=before))

    assert [made(page) for page in forward] == [expected[:2], expected[2:4], expected[4:]]
    assert forward[1]["pageInfo"]["hasPreviousPage"]
    assert [made(page) for page in back] == [expected[3:], expected[1:3], expected[:1]]
    assert [page["pageInfo"]["hasNextPage"] for page in back] == [False, True, True]


async def test_a_window_between_two_changes_excludes_both(api: Client) -> None:
    begin = await changes_cursor(api)
    expected = await two_teams(api)
    cursors = [edge["cursor"] for edge in (await changes(api, after=begin))["edges"]]

    window = await changes(api, after=cursors[0], before=cursors[3])
    from_back = await changes(api, last=1, after=cursors[0], before=cursors[3])

    assert made(window) == expected[1:3]
    assert made(from_back) == expected[2:3]
    assert from_back["pageInfo"]["hasPreviousPage"]


async def test_the_feed_continues_where_the_pages_end(servers: list[Server], api: Client) -> None:
    await two_teams(api)
    page = await changes(api, last=1)

    async with feed(servers[1], ALL_TEAM_CHANGES, after=page["edges"][0]["cursor"]) as live:
        team = await api.create_team()

        assert (await live.next())["teamId"] == team["id"]


async def test_the_cursor_of_a_list_divides_the_changes_that_it_shows(api: Client) -> None:
    expected = await two_teams(api)
    cursor = (await api.execute("{ teams(first: 1) { cursor } }"))["teams"]["cursor"]
    team = await api.create_team()
    await until_recorded(api, team["id"], 1)

    shown, later = await changes(api, last=5, before=cursor), await changes(api, after=cursor)

    assert made(shown) == expected
    assert shown["pageInfo"]["hasNextPage"]
    assert made(later) == [(team["id"], 1)]
