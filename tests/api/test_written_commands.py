"""The commands that a mutation sends to the database."""

from collections.abc import AsyncIterator

import pytest

from tests.api.commands import RecordedApi, recorded_api
from tests.api.world import new_id, unknown_team_id
from tests.harness.client import ANONYMOUS, Answer


@pytest.fixture
async def api(mongodb_uri: str, database: str) -> AsyncIterator[RecordedApi]:
    async with recorded_api(mongodb_uri, database) as api:
        yield api


async def test_an_accepted_creation_is_one_insert(api: RecordedApi) -> None:
    await api.mutate("createTeam", name="Red")

    assert api.commands.take_names() == ["insert"]


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("updateTeam", {"expectedVersion": 2, "name": "Blue", "capacity": 3}),
        ("deleteTeam", {"expectedVersion": 2}),
        ("addUserToTeam", {"userId": "john"}),
        ("addUserToTeam", {"userId": "john", "expectedVersion": 2}),
        ("removeUserFromTeam", {"userId": "sue"}),
        ("joinTeam", {}),
        ("leaveTeam", {}),
    ],
)
async def test_an_accepted_change_of_one_team_is_one_write_and_no_read(
    api: RecordedApi, mutation: str, given: Answer
) -> None:
    team_id = await api.create_team("sue")
    viewer = "sue" if mutation == "leaveTeam" else "zoe"

    outcome = await api.mutate(mutation, viewer=viewer, teamId=team_id, **given)

    ((name, command),) = api.commands.take()
    assert outcome["__typename"].endswith("Success")
    assert name == "findAndModify"
    assert isinstance(command["update"], dict)
    assert "userIds" not in command["fields"]
    assert command["writeConcern"] == {"w": "majority", "j": True}


async def test_a_request_id_is_looked_up_in_the_log_and_not_in_the_teams(
    api: RecordedApi,
) -> None:
    team_id = await api.create_team()

    await api.mutate("addUserToTeam", teamId=team_id, userId=new_id("sue"), requestId=new_id("r"))

    *reads, (write, _) = api.commands.take()
    assert write == "findAndModify"
    assert [(name, command["find"]) for name, command in reads] == [
        ("find", "team_changes"),
        ("find", "requests"),
    ]


async def test_an_accepted_move_is_two_writes_in_one_transaction_and_no_read(
    api: RecordedApi,
) -> None:
    sue = new_id("sue")
    red, blue = await api.create_team(sue), await api.create_team()

    await api.mutate("moveUserToTeam", userId=sue, toTeamId=blue, fromTeamId=red)

    sent = api.commands.take()
    assert [name for name, _ in sent] == ["findAndModify", "findAndModify", "commitTransaction"]
    assert len({command["txnNumber"] for _, command in sent}) == 1


async def test_a_refused_change_is_diagnosed_by_one_read_after_the_write(api: RecordedApi) -> None:
    outcome = await api.mutate("addUserToTeam", teamId=unknown_team_id(), userId="sue")

    assert outcome["__typename"] == "TeamNotFound"
    assert api.commands.take_names() == ["findAndModify", "find"]


async def test_invalid_and_anonymous_mutations_send_no_command(api: RecordedApi) -> None:
    invalid = await api.mutate("addUserToTeam", teamId="$", userId="sue")
    anonymous = await api.mutate("joinTeam", viewer=ANONYMOUS, teamId=unknown_team_id())

    assert invalid["__typename"] == "InvalidInput"
    assert anonymous["__typename"] == "NotAllowed"
    assert api.commands.take() == []
