"""The commands that a query sends to the database depend on the selected fields."""

from collections.abc import AsyncIterator

import pytest

from app.storage.client import Client, team_changes_of
from app.storage.teams.documents import MEMBER_COUNT
from tests.api.commands import RecordedApi, recorded_api
from tests.api.world import new_id


@pytest.fixture
async def api(mongodb_uri: str, database: str) -> AsyncIterator[RecordedApi]:
    async with recorded_api(mongodb_uri, database) as api:
        yield api


async def test_a_team_is_read_by_one_find_without_its_members(api: RecordedApi) -> None:
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
async def test_members_are_counted_by_the_same_find_only_if_selected(
    api: RecordedApi, selection: str
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
async def test_a_list_sends_five_finds_however_many_teams_and_members(
    api: RecordedApi, count: int
) -> None:
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


async def test_the_parts_of_a_page_share_one_find(api: RecordedApi) -> None:
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
async def test_histories_on_one_level_share_one_query(api: RecordedApi, count: int) -> None:
    for _ in range(count):
        await api.create_team(new_id(), new_id())

    await api.execute("""{ teams { edges { node {
        history(first: 2) { edges { node { version team { id } } } }
        members { edges { node { history(first: 1) { edges { node { version } } } } } }
    } } } }""")

    # The moment, the teams, those without a place in the order, the members; the histories of the
    # teams, and of the members.
    assert sorted(api.commands.take_names()) == ["aggregate"] * 2 + ["find"] * 4


async def test_a_page_of_changes_and_their_teams_take_one_find_each(
    api: RecordedApi, client: Client, database: str
) -> None:
    teams = [await api.create_team(), await api.create_team()]
    await team_changes_of(client, database).insert_many(
        [
            {"position": n, "teamId": team_id, "version": 1, "kind": "TeamCreated", "name": "Red"}
            for n, team_id in enumerate(teams, 1)
        ]
    )

    data = await api.execute("""{ changes(last: 3) {
        pageInfo { endCursor } edges { cursor node { version team { id } } }
    } }""")

    assert [edge["node"]["team"]["id"] for edge in data["changes"]["edges"]] == teams
    assert api.commands.take_names() == ["find"] * 2


async def test_a_count_of_teams_reads_no_team(api: RecordedApi) -> None:
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
        "{ changes { __typename } }",
        '{ user(id: "sue") { history { __typename } } }',
    ],
)
async def test_fields_that_need_no_database_send_no_command(api: RecordedApi, query: str) -> None:
    await api.execute(query, viewer="sue")

    assert api.commands.take() == []


async def test_the_users_of_a_query_share_one_find(api: RecordedApi) -> None:
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
