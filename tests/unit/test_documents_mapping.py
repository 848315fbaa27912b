"""The mapping between a team and its document, tested on mongomock-motor.

mongomock is quick and proves nothing about a guarantee: it knows neither partial unique indexes on
arrays nor transactions.
"""

from typing import Any

import pytest
from bson import ObjectId
from mongomock_motor import AsyncMongoMockClient

from app.domain.changes import Attribution, ChangeKind
from app.domain.ids import RequestId, TeamId, UserId
from app.domain.teams import Team
from app.storage.documents import read_team_id, stored_team_id
from app.storage.requests import push_mark, read_creation_mark, read_request_mark
from app.storage.teams.documents import last_change, new_team, read_team, read_user_ids
from tests.unit.domain_values import SOME_TIME


def attribution(request_id: str | None = None, actor_id: str | None = "sue") -> Attribution:
    return Attribution(
        actor_id=UserId(actor_id) if actor_id else None,
        at=SOME_TIME,
        request_id=RequestId(request_id) if request_id else None,
        input_digest="digest",
    )


@pytest.fixture
def teams() -> Any:
    return AsyncMongoMockClient(tz_aware=True)["test"]["teams"]


@pytest.mark.parametrize(("capacity", "limit"), [(None, 10), (7, 7)])
async def test_a_new_team_is_read_as_it_was_written(
    teams: Any, capacity: int | None, limit: int
) -> None:
    document = new_team(name="Red", capacity=capacity, by=attribution())

    await teams.insert_one(document)
    found = await teams.find_one()

    assert read_team(found, default_capacity=10) == Team(
        id=read_team_id(document),
        name="Red",
        version=1,  # type: ignore[arg-type]  # a plain number, as the database keeps it
        capacity=capacity,
        limit=limit,
        created_at=SOME_TIME,
        updated_at=SOME_TIME,
        member_count=0,
    )


async def test_the_id_of_a_team_leads_back_to_its_document(teams: Any) -> None:
    await teams.insert_one(new_team(name="Red", capacity=None, by=attribution()))
    await teams.insert_one({"_id": "another program's", "name": "Blue"})

    for document in await teams.find().to_list(None):
        team_id = read_team_id(document)
        assert (await teams.find_one({"_id": stored_team_id(team_id)}))["name"] == document["name"]


async def test_a_team_that_another_program_made_is_read_without_its_times(teams: Any) -> None:
    stored_id = ObjectId()
    await teams.insert_one({"_id": stored_id, "name": "Red", "version": 3, "userIds": []})

    team = read_team(await teams.find_one(), default_capacity=10)

    assert team.created_at == stored_id.generation_time
    assert team.updated_at is None
    assert team.limit == 10


def test_an_unknown_time_is_not_invented() -> None:
    team = read_team({"_id": "red", "name": "Red", "version": 3}, default_capacity=10)

    assert team.created_at is None
    assert team.updated_at is None


async def test_what_a_change_says_about_itself_is_kept_whole(teams: Any) -> None:
    by = attribution("r1")
    change = last_change(ChangeKind.USER_JOINED_TEAM, by, userId="john")

    await teams.insert_one({"lastChange": change})

    assert (await teams.find_one())["lastChange"] == {
        "kind": "UserJoinedTeam",
        "userId": "john",
        "actorId": "sue",
        "at": SOME_TIME,
        "requestId": "r1",
        "input": "digest",
    }


async def test_the_creation_is_recognised_by_its_request(teams: Any) -> None:
    await teams.insert_one(new_team(name="Red", capacity=None, by=attribution("r1")))

    document = await teams.find_one()
    mark = read_creation_mark(document)

    assert mark.input_digest == "digest"
    assert mark.other_team_id is None


async def test_a_remembered_request_is_recognised_by_its_id_and_its_viewer(teams: Any) -> None:
    by = attribution("r1")
    marks = push_mark(by, other_team_id=TeamId("blue"))["requests"]["$each"]
    await teams.insert_one(
        {**new_team(name="Red", capacity=None, by=by), "requests": marks, "userIds": ["sue"]}
    )

    document = await teams.find_one()
    mark = read_request_mark(document, by)

    assert mark is not None
    assert (mark.input_digest, mark.other_team_id) == ("digest", "blue")
    assert read_request_mark(document, attribution("r2")) is None
    assert read_request_mark(document, attribution("r1", actor_id="john")) is None
    assert read_user_ids(document) == ("sue",)


def test_a_request_without_an_id_leaves_no_mark() -> None:
    assert push_mark(attribution()) == {}
