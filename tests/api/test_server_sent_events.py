"""The feeds as server-sent events: what a browser or `curl -N` gets over plain HTTP."""

from tests.api.feeds import TEAM_CHANGES, USER_TEAM, sse_feed
from tests.api.world import create_team_with, new_id, unknown_team_id
from tests.harness.client import Client
from tests.harness.servers import Server


async def test_team_changes_come_as_next_events_and_end_with_complete(
    servers: list[Server], api: Client, other_api: Client
) -> None:
    team = await create_team_with(api, new_id())

    async with sse_feed(servers[0], TEAM_CHANGES, teamId=team["id"], afterVersion=0) as events:
        replayed = [await anext(events), await anext(events)]
        await other_api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)
        rest = [event async for event in events]

    assert [event["event"] for event in (*replayed, *rest)] == ["next"] * 3 + ["complete"]
    changes = [event["data"]["data"]["teamChanges"] for event in (*replayed, rest[0])]
    assert [change["version"] for change in changes] == [1, 2, 3]
    assert changes[-1]["__typename"] == "TeamDeleted"


async def test_a_feed_is_resumed_after_a_version(servers: list[Server], api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    async with sse_feed(servers[1], TEAM_CHANGES, teamId=team["id"], afterVersion=2) as events:
        event = await anext(events)

    assert event["data"]["data"]["teamChanges"]["version"] == 3


async def test_a_users_team_is_shown_at_once(servers: list[Server], api: Client) -> None:
    sue = new_id()
    team = await create_team_with(api, sue)

    async with sse_feed(servers[0], USER_TEAM, userId=sue) as events:
        event = await anext(events)

    assert event["data"]["data"]["userTeam"]["team"]["id"] == team["id"]


async def test_a_refusal_is_a_next_event_with_its_code_and_completes(
    servers: list[Server],
) -> None:
    async with sse_feed(servers[0], TEAM_CHANGES, teamId=unknown_team_id()) as stream:
        events = [event async for event in stream]

    assert [event["event"] for event in events] == ["next", "complete"]
    assert events[0]["data"]["errors"][0]["extensions"]["code"] == "TEAM_NOT_FOUND"
