"""What a query selects decides what is sent to the database: seen here command by command.

In-process rather than over HTTP, so that a listener of the driver can be asked.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

from app.api.schema.context import Context, Services
from app.api.schema.schema import build_schema
from app.domain.ids import UserId
from app.domain.viewers import Viewer
from app.service.hub import Hub
from app.service.permissions import Permissions
from app.storage.changes.log import MongoChangeLog
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.documents import MEMBER_COUNT
from app.storage.teams.store import MongoTeamStore
from tests.api.world import new_id, unknown_team_id
from tests.harness.client import ADMIN, ANONYMOUS, Answer

# What the driver sends to set a connection up, and to end one.
HOUSEKEEPING = frozenset({"hello", "isMaster", "ping", "endSessions", "saslStart", "saslContinue"})


class Commands(monitoring.CommandListener):
    """The commands sent since the last look, in order."""

    def __init__(self) -> None:
        self._sent: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Keeps a command."""
        if event.command_name not in HOUSEKEEPING:
            self._sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Of no interest."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Of no interest."""

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """The commands with their names; forgotten afterwards."""
        sent, self._sent = self._sent, []
        return sent

    def take_names(self) -> list[str]:
        """The names of the commands; forgotten afterwards."""
        return [name for name, _ in self.take()]


@dataclass
class Api:
    """The schema on a real database, with what it sends there."""

    services: Services
    commands: Commands

    async def execute(self, query: str, *, viewer: str | None = None, **variables: Any) -> Answer:
        """The data of an answer without errors."""
        who = None if viewer == ANONYMOUS else Viewer(UserId(viewer or ADMIN), is_admin=True)
        context = Context(self.services, who)
        result = await build_schema().execute(
            query, variable_values=variables, context_value=context
        )
        assert result.errors is None
        assert result.data is not None
        return result.data

    async def mutate(self, mutation: str, *, viewer: str | None = None, **given: Any) -> Answer:
        """The outcome of a mutation, with the ids of what it names."""
        title = mutation[0].upper() + mutation[1:]
        teams = (
            "fromTeam { id } toTeam { id }" if mutation == "moveUserToTeam" else "team { id name }"
        )
        data = await self.execute(
            f"mutation ($input: {title}Input!) {{ {mutation}(input: $input) "
            f"{{ __typename ... on {title}Success {{ {teams} }} }} }}",
            viewer=viewer,
            input=given,
        )
        outcome: Answer = data[mutation]
        return outcome

    async def create_team(self, *members: str) -> str:
        """The id of a new team; what was sent for it is forgotten."""
        outcome = await self.mutate("createTeam", name="Red")
        team_id: str = outcome["team"]["id"]
        for member in members:
            await self.mutate("addUserToTeam", teamId=team_id, userId=member)
        self.commands.take()
        return team_id


@pytest.fixture
async def api(mongodb_uri: str, database: str) -> AsyncIterator[Api]:
    commands = Commands()
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        mongodb_uri, tz_aware=True, event_listeners=[commands]
    )
    directory = MongoTeamDirectory(client, database, default_capacity=10)
    services = Services(
        store=MongoTeamStore(client, database, default_capacity=10),
        directory=directory,
        permissions=Permissions(directory, everyone_may_create_teams=False),
        log=MongoChangeLog(client, database),
        hub=Hub(),
        default_capacity=10,
        is_prepared=lambda: True,
    )
    yield Api(services, commands)
    client.close()


async def test_a_team_is_found_by_one_find_of_its_small_fields(api: Api) -> None:
    team_id = await api.create_team(new_id())

    await api.execute("query ($id: ID!) { team(id: $id) { id name } }", id=team_id)

    ((name, command),) = api.commands.take()
    assert name == "find"
    assert "userIds" not in str(command["projection"])
    assert "$size" not in str(command["projection"])


@pytest.mark.parametrize(
    "selection",
    [
        "memberCount",
        "alias: memberCount",
        "... on Team { memberCount }",
        "...Counted",
        "members { totalCount }",
    ],
)
async def test_members_are_counted_by_the_same_find_when_the_count_is_selected(
    api: Api, selection: str
) -> None:
    team_id = await api.create_team(new_id(), new_id())
    fragment = "fragment Counted on Team { memberCount }" if "Counted" in selection else ""

    data = await api.execute(
        f"query ($id: ID!) {{ team(id: $id) {{ id {selection} }} }} {fragment}", id=team_id
    )

    *moment, (name, command) = api.commands.take()
    assert name == "find"
    assert len(moment) == ("members" in selection)
    assert command["projection"]["memberCount"] == MEMBER_COUNT
    assert "2" in str([value for key, value in data["team"].items() if key != "id"])


@pytest.mark.parametrize("count", [1, 2, 7])
async def test_a_list_sends_five_finds_however_many_teams_and_members(api: Api, count: int) -> None:
    for _ in range(count):
        await api.create_team(new_id(), new_id(), new_id())

    data = await api.execute(
        "{ teams { edges { node { members(first: 2) { edges { node { id team { id } } } } } } } }"
    )

    sent = api.commands.take()
    # The moment they share; the teams, and at the end of the list those without a place in its
    # order; their members and the members' teams.
    assert [name for name, _ in sent] == ["find"] * 5
    assert not any("userIds" in command["projection"] for _, command in sent)
    assert len(data["teams"]["edges"]) == count


async def test_the_parts_of_a_page_share_one_find(api: Api) -> None:
    await api.create_team(new_id())

    await api.execute("""{ teams {
        pageInfo { endCursor }
        edges { cursor node { members {
            pageInfo { hasNextPage } totalCount edges { cursor node { id } }
        } } }
    } }""")

    # The moment, the teams, those without a place in the order, the members.
    assert api.commands.take_names() == ["find"] * 4


@pytest.mark.parametrize("count", [1, 3])
async def test_histories_on_one_level_share_one_query(api: Api, count: int) -> None:
    for _ in range(count):
        await api.create_team(new_id(), new_id())

    await api.execute("""{ teams { edges { node {
        history(first: 2) { edges { node { version team { id } } } }
        members { edges { node { history(first: 1) { edges { node { version } } } } } }
    } } } }""")

    # The moment, the teams, those without a place in the order, the members; the histories of the
    # teams, and of the members.
    assert sorted(api.commands.take_names()) == ["aggregate"] * 2 + ["find"] * 4


async def test_a_count_of_teams_reads_no_team(api: Api) -> None:
    await api.create_team()

    data = await api.execute("{ teams { totalCount } }")

    assert data == {"teams": {"totalCount": 1}}
    assert api.commands.take_names() == ["aggregate"]


@pytest.mark.parametrize(
    "query",
    [
        '{ user(id: "sue") { id } }',
        "{ viewer { id } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ teams { __typename } }",
    ],
)
async def test_what_needs_no_database_sends_nothing(api: Api, query: str) -> None:
    await api.execute(query, viewer="sue")

    assert api.commands.take() == []


async def test_users_asked_for_together_share_one_find(api: Api) -> None:
    sue, john = new_id("sue"), new_id("john")
    await api.create_team(sue)

    await api.execute(
        """query ($sue: ID!, $john: ID!) {
            sue: user(id: $sue) { team { id } } john: user(id: $john) { team { id } }
            viewer { team { id name } }
        }""",
        viewer=john,
        sue=sue,
        john=john,
    )

    assert api.commands.take_names() == ["find"]


async def test_an_accepted_creation_is_one_insert(api: Api) -> None:
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
    api: Api, mutation: str, given: Answer
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


async def test_a_request_with_an_id_is_looked_up_in_what_is_recorded_and_not_in_the_teams(
    api: Api,
) -> None:
    team_id = await api.create_team()

    await api.mutate("addUserToTeam", teamId=team_id, userId=new_id("sue"), requestId=new_id("r"))

    *reads, (write, _) = api.commands.take()
    assert write == "findAndModify"
    assert [(name, command["find"]) for name, command in reads] == [
        ("find", "team_changes"),
        ("find", "requests"),
    ]


async def test_an_accepted_move_is_two_writes_in_one_transaction_and_no_read(api: Api) -> None:
    sue = new_id("sue")
    red, blue = await api.create_team(sue), await api.create_team()

    await api.mutate("moveUserToTeam", userId=sue, toTeamId=blue, fromTeamId=red)

    sent = api.commands.take()
    assert [name for name, _ in sent] == ["findAndModify", "findAndModify", "commitTransaction"]
    assert len({command["txnNumber"] for _, command in sent}) == 1


async def test_a_refused_change_is_diagnosed_by_one_read_after_the_write(api: Api) -> None:
    outcome = await api.mutate("addUserToTeam", teamId=unknown_team_id(), userId="sue")

    assert outcome["__typename"] == "TeamNotFound"
    assert api.commands.take_names() == ["findAndModify", "find"]


async def test_what_is_refused_for_its_form_sends_nothing(api: Api) -> None:
    invalid = await api.mutate("addUserToTeam", teamId="$", userId="sue")
    anonymous = await api.mutate("joinTeam", viewer=ANONYMOUS, teamId=unknown_team_id())

    assert invalid["__typename"] == "InvalidInput"
    assert anonymous["__typename"] == "NotAllowed"
    assert api.commands.take() == []
