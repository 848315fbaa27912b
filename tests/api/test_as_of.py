"""`Team.asOf`: a team as it was at an earlier version or time."""

from typing import Any

import pytest
from bson import ObjectId

from app.storage.client import Client as DriverClient
from tests.api.feeds import history_of, until_recorded
from tests.api.world import create_team_with, new_id
from tests.harness.client import Answer, Client, ServerError

AS_OF = """query ($id: ID!, $version: Int, $at: DateTime, $first: Int, $after: String, $last: Int) {
  team(id: $id) { asOf(version: $version, at: $at) {
    version name capacity memberCount since until
    members(first: $first, after: $after, last: $last) {
      totalCount edges { cursor node { id team { id } } }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  } }
}"""


async def as_of(api: Client, team_id: str, **given: Any) -> Answer:
    found: Answer = (await api.execute(AS_OF, {"id": team_id, **given}))["team"]["asOf"]
    return found


def members(snapshot: Answer) -> list[str]:
    return [edge["node"]["id"] for edge in snapshot["members"]["edges"]]


async def test_a_team_is_shown_as_it_was_at_each_version_and_time(api: Client) -> None:
    ann, bob = sorted([new_id(), new_id()])
    team = await create_team_with(api, bob, ann, name="Red", capacity=2)
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=3, name="Blue", capacity=None)
    await api.mutate("removeUserFromTeam", teamId=team["id"], userId=bob)
    await until_recorded(api, team["id"], 5)
    history = (await history_of(api, team["id"]))["edges"]
    times = [edge["node"]["at"] for edge in history]

    found = [await as_of(api, team["id"], version=version) for version in range(1, 6)]

    told = [(each["name"], each["capacity"], members(each)) for each in found]
    assert told == [
        ("Red", 2, []),
        ("Red", 2, [bob]),
        ("Red", 2, [ann, bob]),
        ("Blue", None, [ann, bob]),
        ("Blue", None, [ann]),
    ]
    assert [each["memberCount"] for each in found] == [0, 1, 2, 2, 1]
    assert [each["since"] for each in found] == times
    assert [each["until"] for each in found] == [*times[1:], None]
    assert found[2]["members"]["edges"][1]["node"]["team"] is None
    assert await as_of(api, team["id"], at=times[4]) == found[4]
    assert await as_of(api, team["id"], at="2999-01-01T00:00:00+02:00") == found[4]
    assert await as_of(api, team["id"], at="2001-01-01T00:00:00Z") is None


async def test_the_members_of_an_earlier_version_are_paged_by_id(api: Client) -> None:
    users = sorted(new_id() for _ in range(3))
    team = await create_team_with(api, users[2], users[0], users[1])
    await api.mutate("removeUserFromTeam", teamId=team["id"], userId=users[0])
    await until_recorded(api, team["id"], 5)

    first = await as_of(api, team["id"], version=4, first=2)
    after = first["members"]["pageInfo"]["endCursor"]
    rest = await as_of(api, team["id"], version=4, first=2, after=after)
    last = await as_of(api, team["id"], version=4, last=2)

    assert [members(each) for each in (first, rest, last)] == [users[:2], users[2:], users[1:]]
    pages = [each["members"]["pageInfo"] for each in (first, rest, last)]
    assert [page["hasNextPage"] for page in pages] == [True, False, False]
    assert [page["hasPreviousPage"] for page in pages] == [False, True, True]
    assert first["members"]["totalCount"] == 3


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "INVALID_INPUT", "version"),
        ({"version": 1, "at": "2026-11-26T09:00:00Z"}, "INVALID_INPUT", "at"),
        ({"version": 0}, "INVALID_INPUT", "version"),
        ({"version": 2}, "INVALID_INPUT", "version"),
        ({"at": "yesterday"}, "BAD_USER_INPUT", "at"),
        ({"at": "2026-11-26T09:00:00"}, "BAD_USER_INPUT", "at"),
        ({"at": "0001-01-01T00:00:00+09:00"}, "BAD_USER_INPUT", "at"),
        ({"at": 1_700_000_000}, "BAD_USER_INPUT", "at"),
    ],
)
async def test_an_impossible_version_or_time_is_refused_by_name(
    given: dict[str, Any], code: str, field: str, api: Client
) -> None:
    team = await api.create_team()

    with pytest.raises(ServerError) as refused:
        await as_of(api, team["id"], **given)

    assert refused.value.code == code
    assert refused.value.args[0][0]["extensions"]["field"] == field


async def test_what_another_program_hides_is_null_with_an_error_on_its_path(
    api: Client, client: DriverClient, shared_database: str
) -> None:
    ann = new_id()
    team = await create_team_with(api, ann, name="Red")
    teams = client[shared_database]["teams"]
    for update in ({"$pull": {"userIds": ann}}, {"$set": {"name": "Blue"}}):
        await teams.update_one({"_id": ObjectId(team["id"])}, {**update, "$inc": {"version": 1}})
    await until_recorded(api, team["id"], 4)
    body = {"query": AS_OF, "variables": {"id": team["id"], "version": 3}}

    answer = (await api.post(body)).json()

    shown, path = answer["data"]["team"]["asOf"], ["team", "asOf"]
    assert (shown["name"], shown["memberCount"], shown["members"]) == (None, None, None)
    assert shown["since"] < shown["until"]
    hidden = {(*error["path"], error["extensions"]["code"]) for error in answer["errors"]}
    fields = ("name", "capacity", "memberCount", "members")
    assert hidden == {(*path, field, "HISTORY_UNKNOWN") for field in fields}
    before = await as_of(api, team["id"], version=2)
    assert (before["name"], members(before)) == ("Red", [ann])


async def test_the_database_keeps_times_from_the_year_one_to_9999(api: Client) -> None:
    team = await api.create_team()

    assert await as_of(api, team["id"], at="0001-01-01T00:00:00Z") is None
    assert (await as_of(api, team["id"], at="9999-12-31T23:59:59Z"))["version"] == 1


async def test_a_deleted_team_is_shown_as_it_was_before(api: Client) -> None:
    ann = new_id()
    team = await create_team_with(api, ann, name="Red")
    await until_recorded(api, team["id"], 2)
    await api.mutate("deleteTeam", teamId=team["id"], expectedVersion=2)
    query = """query ($id: ID!) {
      last: teamAsOf(id: $id, version: 2) { name until members { edges { node { id } } } }
      deleted: teamAsOf(id: $id, version: 3) { name }
      now: teamAsOf(id: $id, at: "9999-12-31T23:59:59Z") { name }
      unknown: teamAsOf(id: "unknown", version: 1) { name }
    }"""

    found = await api.execute(query, {"id": team["id"]})

    assert (found["last"]["name"], members(found["last"])) == ("Red", [ann])
    assert found["last"]["until"] is not None
    assert (found["deleted"], found["now"], found["unknown"]) == (None, None, None)
