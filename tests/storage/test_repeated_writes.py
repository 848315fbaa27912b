"""The answer to a write that the driver retries: MongoDB returns the whole document."""

from typing import Any

from pymongo import MongoClient, ReturnDocument

from app.storage.teams.documents import WRITTEN_FIELDS, read_team
from tests.storage.conftest import World


async def test_a_repeated_write_tells_the_members_at_its_version(
    world: World, mongodb_uri: str
) -> None:
    await world.new_team("ann")
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongodb_uri) as client, client.start_session() as session:

        def write() -> Any:
            return client[world.name]["teams"].find_one_and_update(
                {},
                {"$push": {"userIds": "sue"}, "$inc": {"version": 1}},
                projection=WRITTEN_FIELDS,
                return_document=ReturnDocument.AFTER,
                session=session,
            )

        first = write()
        # The number of the retryable write: the same again, as after a lost answer.
        session._server_session._transaction_id -= 1
        second = write()

    assert "memberCount" not in second
    assert read_team(second, 5).member_count == read_team(first, 5).member_count == 2
