"""Changes of teams that another program has damaged: made and shown, or refused and not made."""

from typing import Any

import bson
import pytest
from bson import DatetimeMS, Int64, MinKey, ObjectId

from app.doctor.rules.findings import Finding
from app.doctor.rules.repair_plan import plan_repair
from app.doctor.storage.team_documents import read_stored_team
from app.domain.changes import attribute
from app.domain.faults import TeamDamaged
from app.domain.ids import LAST_VERSION, RequestId, TeamId, UserId
from app.domain.pages import TeamOptions
from app.domain.problems import AlreadyOnTeam, NotOnTeam, TeamNotFound, VersionConflict
from app.service.attempts import Attempts
from app.storage.client import Client, teams_of
from app.storage.documents import RAW
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.store import MongoTeamStore
from tests.harness.odd_values import UNDECODABLE
from tests.harness.service import add, remove

VALUES: dict[str, Any] = {
    "a number": 5,
    "2^31-1": 2**31 - 1,
    "2^31": Int64(2**31),
    "a fraction": 2.5,
    "a text": "sue",
    "a far date": DatetimeMS(8_640_000_000_000_000),
    "a document": {"$gt": ""},
    "an array": [1, None, {}],
    "null": None,
    "the least": MinKey(),
    "one that can't be decoded": UNDECODABLE,
    "such a one in an array": [UNDECODABLE],
}


@pytest.mark.parametrize(
    "field",
    ["name", "userIds", "version", "capacity", "createdAt", "updatedAt", "requests", "creation"],
)
async def test_a_change_of_a_damaged_team_is_made_and_shown_or_not_made(
    client: Client, database: str, field: str
) -> None:
    teams = teams_of(client, database)
    raw = teams.with_options(codec_options=RAW)
    store = MongoTeamStore(client, database, default_capacity=10)
    directory = MongoTeamDirectory(client, database, default_capacity=10)
    for name, value in VALUES.items():
        stored_id = ObjectId()
        document = {"_id": stored_id, "name": "Red", "userIds": [], "version": 1, field: value}
        await teams.insert_one(document, bypass_document_validation=True)
        before = await raw.find_one({"_id": stored_id})
        by = attribute("add", actor_id=UserId("joe"), request_id=RequestId(f"r-{name}-{field}"))
        team_id, user_id = TeamId(str(stored_id)), UserId("joe")

        try:
            team = await store.add_member(
                team_id=team_id,
                user_id=user_id,
                expected_version=None,
                by=by,
            )
            if team is None:
                state = await store.read_state(team_ids=[team_id], user_ids=[user_id], by=by)
                await Attempts().again(state)
                assert not isinstance(state.teams[team_id], TeamDamaged)
        except TeamDamaged:
            team = None

        after = await raw.find_one({"_id": stored_id})
        if team is not None:
            found = await teams.find_one({"_id": stored_id}, {"_id": 0, "version": 1})
            assert found == {"version": team.version}, name
        listed = await directory.find_teams([team_id], TeamOptions(with_member_count=True))
        assert list(listed) == [team_id]
        assert await directory.find_creator(team_id) is None
        await directory.find_version(team_id)
        assert (after == before) == (team is None), name
        await teams.delete_one({"_id": stored_id})


async def test_a_refusal_needs_only_the_teams_that_its_answer_shows(
    client: Client, database: str
) -> None:
    store = MongoTeamStore(client, database, default_capacity=10)
    nobody, last, broken = (TeamId(str(ObjectId())) for _ in range(3))
    for team_id, version, user_id in ((last, LAST_VERSION, "sue"), (broken, "1", "joe")):
        document = {"_id": ObjectId(team_id), "name": "", "userIds": [user_id], "version": version}
        await teams_of(client, database).insert_one(document, bypass_document_validation=True)

    for outcome, attempt in (
        (AlreadyOnTeam, add(store, last, "sue")),
        (AlreadyOnTeam, add(store, broken, "sue")),
        (TeamNotFound, add(store, nobody, "joe")),
        (NotOnTeam, remove(store, broken, "sue")),
        (NotOnTeam, remove(store, last, "ann")),
        (VersionConflict, add(store, last, "ann", expected_version=3)),
    ):
        assert isinstance(await attempt, outcome)
    for refused in (
        remove(store, last, "sue"),
        remove(store, last, "joe"),
        add(store, last, "ann"),
        add(store, broken, "ann", expected_version=1),
    ):
        with pytest.raises(TeamDamaged):
            await refused


def test_the_doctor_names_a_text_that_is_no_utf_8_and_an_odd_creator() -> None:
    name = b"\x02name\0\x04\0\0\0a\xff\xfe\0"
    odd = bson.encode({"_id": ObjectId(), "userIds": [], "version": 1, "creation": {"actorId": 5}})
    body = odd[4:-1] + name
    stored = (len(body) + 5).to_bytes(4, "little") + body + b"\0"

    found = plan_repair(read_stored_team(stored), default_capacity=10)

    assert found.notes.keys() == {Finding.NAME, Finding.MARKS}
    assert found.name == "a\ufffd\ufffd"
