"""Teams whose documents another program removes: the end of their feeds, and their members."""

from bson import ObjectId

from app.storage.client import Client as MongoClient
from tests.api.feeds import TEAM_CHANGES, USER_TEAM, Feed, feed, until_recorded
from tests.api.world import create_team_with, new_id
from tests.harness.client import Client
from tests.harness.servers import Server, running_servers


async def _expect_deletion(changes: Feed) -> None:
    deleted = await changes.next()
    assert (deleted["__typename"], deleted["version"], deleted["team"]) == ("TeamDeleted", 3, None)
    assert (await changes.message())["type"] == "complete"


async def _expect_end_for_whoever_resumes(server: Server, team_id: str) -> None:
    async with feed(server, TEAM_CHANGES, teamId=team_id, afterVersion=2) as changes:
        await _expect_deletion(changes)
    async with feed(server, TEAM_CHANGES, teamId=team_id, afterVersion=3) as changes:
        assert (await changes.message())["type"] == "complete"


async def test_a_removed_teams_feed_ends_with_its_deletion_and_frees_its_members(
    mongodb_uri: str, client: MongoClient, empty_database: str
) -> None:
    sue, joe = new_id(), new_id()
    stored = client[empty_database]
    async with running_servers(1, mongodb_uri, empty_database) as (server,):
        async with (
            Client(server.url) as api,
            feed(server, USER_TEAM, userId=sue) as team_of_sue,
        ):
            assert (await team_of_sue.next())["team"] is None
            red, blue = [await create_team_with(api, user) for user in (sue, joe)]
            assert (await team_of_sue.next())["team"]["id"] == red["id"]
            async with feed(server, TEAM_CHANGES, teamId=red["id"], afterVersion=2) as changes:
                await stored.teams.delete_one({"_id": ObjectId(red["id"])})
                await _expect_deletion(changes)
            assert (await team_of_sue.next())["team"] is None
            await until_recorded(api, blue["id"], 2)
        await _expect_end_for_whoever_resumes(server, red["id"])

    # While no server runs, the oplog is lost together with the event of the removal.
    await stored.teams.delete_one({"_id": ObjectId(blue["id"])})
    await stored.recorder.update_one({}, {"$unset": {"resumeToken": ""}})

    async with running_servers(1, mongodb_uri, empty_database) as (server,):
        await _expect_end_for_whoever_resumes(server, blue["id"])
        async with feed(server, USER_TEAM, userId=joe) as team_of_joe:
            assert (await team_of_joe.next())["team"] is None
