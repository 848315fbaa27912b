"""The three feeds over WebSocket and as server-sent events: changes, resuming and refusals."""

import asyncio
from typing import Any

import pytest

from tests.api.feeds import ALL_TEAM_CHANGES, TEAM_CHANGES, USER_TEAM, OpenFeed, feed, sse_feed
from tests.api.world import create_team_with, new_id, unknown_team_id
from tests.harness.client import Answer, Client
from tests.harness.servers import Server
from tests.harness.waiting import eventually


@pytest.fixture(name="feed", params=[feed, sse_feed], ids=["websocket", "sse"])
def _feed(request: pytest.FixtureRequest) -> OpenFeed:
    open_feed: OpenFeed = request.param
    return open_feed


async def _rename(api: Client, team: Answer, times: int) -> Answer:
    for number in range(times):
        outcome = await api.mutate(
            "updateTeam",
            teamId=team["id"],
            expectedVersion=team["version"],
            name=f"Name {number}",
        )
        team = outcome["team"]
    return team


async def test_team_changes_after_a_version_are_replayed_then_live_from_any_server(
    servers: list[Server], feed: OpenFeed, api: Client, other_api: Client
) -> None:
    sue, joe = new_id(), new_id()
    team = await create_team_with(api, sue, name="Red")

    async with feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=0) as changes:
        created, joined = await changes.take(2)
        await other_api.mutate("addUserToTeam", viewer="john", teamId=team["id"], userId=joe)
        live = await changes.next()

    assert (created["__typename"], created["version"], created["name"]) == ("TeamCreated", 1, "Red")
    assert (joined["__typename"], joined["version"]) == ("UserJoinedTeam", 2)
    assert joined["user"]["id"] == sue
    assert (live["version"], live["user"]["id"], live["actorId"]) == (3, joe, "john")
    assert live["teamId"] == team["id"]
    assert live["team"] == {"id": team["id"], "version": 3}


async def test_a_feed_resumed_after_a_version_shows_nothing_up_to_it(
    servers: list[Server], feed: OpenFeed, api: Client
) -> None:
    team = await _rename(api, await api.create_team(), 9)

    async with feed(servers[1], TEAM_CHANGES, teamId=team["id"], afterVersion=7) as changes:
        shown = await changes.take(3)

    assert [change["version"] for change in shown] == [8, 9, 10]


async def test_team_changes_without_a_version_start_now_without_a_gap(
    servers: list[Server], feed: OpenFeed, api: Client
) -> None:
    team = await _rename(api, await api.create_team(), 4)
    async with feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=0) as changes:
        await changes.take(5)

    async with feed(servers[0], TEAM_CHANGES, teamId=team["id"]) as changes:
        first = asyncio.create_task(changes.next())

        async def has_begun() -> bool:
            nonlocal team
            team = await _rename(api, team, 1)
            return first.done()

        await eventually(has_begun)
        begun_at = (await first)["version"]
        team = await _rename(api, team, 2)
        rest = await changes.take(team["version"] - begun_at)

    assert begun_at > 5
    assert [change["version"] for change in rest] == [*range(begun_at + 1, team["version"] + 1)]


async def test_a_busy_teams_feed_has_no_gap_or_repeat_from_any_version(
    servers: list[Server], feed: OpenFeed, api: Client
) -> None:
    team = await api.create_team()
    renaming = asyncio.create_task(_rename(api, team, 120))

    async def follow(number: int) -> list[int]:
        server = servers[number % 2]
        async with feed(server, TEAM_CHANGES, teamId=team["id"], afterVersion=0) as changes:
            return [(await changes.next())["version"] for _ in range(121)]

    seen = []
    for number in range(12):
        seen.append(asyncio.create_task(follow(number)))
        await follow_a_little(feed, servers[number % 2], team["id"])
    await renaming

    assert [await task for task in seen] == [list(range(1, 122))] * 12


async def follow_a_little(feed: OpenFeed, server: Server, team_id: str) -> None:
    """Lets some time go by that is measured in deliveries."""
    async with feed(server, TEAM_CHANGES, teamId=team_id, afterVersion=0) as changes:
        await changes.take(1)


async def test_a_feed_completes_after_the_deletion_of_its_team(
    servers: list[Server], feed: OpenFeed, api: Client, other_api: Client
) -> None:
    team = await api.create_team()

    async with feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=1) as changes:
        await other_api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)
        deleted = await changes.next()
        end = await changes.message()

    assert (deleted["__typename"], deleted["version"], deleted["team"]) == ("TeamDeleted", 2, None)
    assert end["type"] == "complete"


@pytest.mark.parametrize("after_version", [0, 1, 2, None])
async def test_the_feed_of_an_already_deleted_team_completes(
    after_version: int | None, servers: list[Server], feed: OpenFeed, api: Client
) -> None:
    team = await api.create_team()
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=1)
    async with feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=0) as changes:
        await changes.take(2)

    async with feed(
        servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=after_version
    ) as changes:
        expected = [1, 2][2 if after_version is None else after_version :]
        shown = await changes.take(len(expected))
        end = await changes.message()

    assert [change["version"] for change in shown] == expected
    assert end["type"] == "complete"


async def test_all_team_changes_resume_after_a_cursor_on_any_server(
    servers: list[Server], feed: OpenFeed, api: Client, other_api: Client
) -> None:
    first_team = await api.create_team()
    async with feed(servers[0], TEAM_CHANGES, teamId=first_team["id"], afterVersion=0) as changes:
        cursor = (await changes.next())["cursor"]
    red, blue = await api.create_team(), await other_api.create_team()
    ours = {red["id"], blue["id"]}

    async with feed(servers[0], ALL_TEAM_CHANGES, after=cursor) as changes:
        shown = await changes.take(2)
    await _rename(other_api, red, 2)
    await _rename(api, blue, 1)
    async with feed(servers[1], ALL_TEAM_CHANGES, after=shown[0]["cursor"]) as changes:
        resumed = await changes.take(4)

    assert {change["teamId"] for change in shown} == ours
    assert resumed[0]["cursor"] == shown[1]["cursor"]
    of_red = [change["version"] for change in resumed if change["teamId"] == red["id"]]
    of_blue = [change["version"] for change in resumed if change["teamId"] == blue["id"]]
    assert sorted(of_red + of_blue) == sorted([*range(2, 4), 2, resumed[0]["version"]])
    assert of_red == sorted(of_red)
    assert of_blue == sorted(of_blue)


async def test_a_users_team_is_sent_at_once_and_after_every_change(
    servers: list[Server], feed: OpenFeed, api: Client, other_api: Client
) -> None:
    sue = new_id()
    red, blue = await api.create_team(), await other_api.create_team()

    async with feed(servers[0], USER_TEAM, userId=sue) as states:
        shown = [await states.next()]
        for mutation, given in (
            ("addUserToTeam", {"teamId": red["id"], "userId": sue}),
            ("moveUserToTeam", {"toTeamId": blue["id"], "userId": sue}),
            ("removeUserFromTeam", {"teamId": blue["id"], "userId": sue}),
            ("addUserToTeam", {"teamId": red["id"], "userId": sue}),
        ):
            outcome = await other_api.mutate(mutation, **given)
            shown.append(await states.next())
        version = outcome["team"]["version"]
        await other_api.mutate("deleteTeam", teamId=red["id"], expectedVersion=version)
        shown.append(await states.next())

    teams = [state["team"] and state["team"]["id"] for state in shown]
    assert teams == [None, red["id"], blue["id"], None, red["id"], None]
    assert {state["id"] for state in shown} == {sue}


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"afterVersion": 2}, "afterVersion"),
        ({"afterVersion": -1}, "afterVersion"),
        ({"teamId": "a b"}, "teamId"),
    ],
)
async def test_an_argument_out_of_range_is_refused_by_name(
    variables: dict[str, Any], field: str, servers: list[Server], feed: OpenFeed, api: Client
) -> None:
    team = await api.create_team()

    async with feed(servers[0], TEAM_CHANGES, **{"teamId": team["id"], **variables}) as changes:
        error = await changes.error()

    assert error == {"code": "INVALID_INPUT", "field": field}


async def test_the_feed_of_an_unknown_team_is_refused(
    servers: list[Server], feed: OpenFeed
) -> None:
    async with feed(servers[0], TEAM_CHANGES, teamId=unknown_team_id()) as changes:
        error = await changes.error()

    assert error == {"code": "TEAM_NOT_FOUND"}


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "WyJjaGFuZ2UiLDk5OTk5OTk5OV0", "WzFd", "x" * 2000]
)
async def test_a_malformed_cursor_is_refused(
    cursor: str, servers: list[Server], feed: OpenFeed
) -> None:
    async with feed(servers[0], ALL_TEAM_CHANGES, after=cursor) as changes:
        error = await changes.error()

    assert error == {"code": "INVALID_INPUT", "field": "after"}


async def test_a_malformed_user_id_is_refused(servers: list[Server], feed: OpenFeed) -> None:
    async with feed(servers[0], USER_TEAM, userId="a b") as states:
        error = await states.error()

    assert error == {"code": "INVALID_INPUT", "field": "userId"}
