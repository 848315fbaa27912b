"""Arguments of lists: each list refuses them by name, and shows an empty page alike."""

from typing import Any

import pytest

from tests.api.world import new_id
from tests.harness.client import Answer, Client, ServerError

LISTS = {
    "teams": "teams(%s)",
    "changes": "changes(%s)",
    "members": "team(id: $id) { members(%s)",
    "history of a team": "team(id: $id) { history(%s)",
    "history of a user": "user(id: $id) { history(%s)",
    "outcomes": "addUsersToTeam(input: {teamId: $id, userIds: [$id]}) "
    "{ ... on AddUsersToTeamSuccess { outcomes(%s)",
}
TYPES = {"first": "Int", "last": "Int"}
INVALID: list[tuple[Answer, str]] = [
    *(({name: size}, name) for name in ("first", "last") for size in (0, -1, 101)),
    ({"first": 1, "last": 1}, "last"),
    *(({name: text}, name) for name in ("after", "before") for text in ("", "nonsense", "W10")),
    *(({name: text}, name) for name in ("after", "before") for text in ("ünï", "x" * 5_000)),
]


async def refused_field(api: Client, shape: str, team_id: str, given: Answer) -> Any:
    """The field that a list refuses with INVALID_INPUT."""
    declared = ", ".join(f"${name}: {TYPES.get(name, 'String')}" for name in given)
    passed = ", ".join(f"{name}: ${name}" for name in given)
    needs_id = "$id" in shape
    query = (
        f"{'mutation' if shape.startswith('add') else 'query'} "
        f"({'$id: ID!, ' if needs_id else ''}{declared}) {{ {shape % passed} "
        f"{{ edges {{ cursor }} }} {'}' * (shape.count('{') - shape.count('}'))} }}"
    )
    with pytest.raises(ServerError) as refused:
        await api.execute(query, {**given, **({"id": team_id} if needs_id else {})})
    assert refused.value.code == "INVALID_INPUT"
    return refused.value.args[0][0]["extensions"]["field"]


@pytest.mark.parametrize("shape", LISTS.values(), ids=LISTS)
async def test_an_argument_out_of_range_is_refused_by_name(api: Client, shape: str) -> None:
    team = await api.create_team()

    found = [await refused_field(api, shape, team["id"], given) for given, _ in INVALID]

    assert found == [field for _, field in INVALID]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("teams", {"nameContains": "x" * 101}),
        ("teams", {"nameContains": "a\0"}),
        ("changes", {"before": "WyJtb21lbnQiLDAsMF0"}),
    ],
)
async def test_a_list_refuses_its_own_arguments_by_name(
    api: Client, name: str, given: Answer
) -> None:
    assert await refused_field(api, LISTS[name], "", given) in given


async def test_a_cursor_of_another_list_is_refused(api: Client) -> None:
    team = await api.create_team()
    page = await api.execute("{ teams(first: 1) { pageInfo { endCursor } } }")

    given = {"after": page["teams"]["pageInfo"]["endCursor"]}

    assert await refused_field(api, LISTS["members"], team["id"], given) == "after"


@pytest.mark.parametrize("shape", ["teams(nameContains: $id)", "team(id: $id) { members"])
async def test_a_page_without_items_has_no_cursors(api: Client, shape: str) -> None:
    team_id = (await api.create_team())["id"] if "team(" in shape else new_id("nobody")
    info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    closing = "}" if "team(" in shape else ""
    kind = "ID!" if "team(" in shape else "String"

    query = (
        f"query ($id: {kind}) {{ {shape} {{ totalCount edges {{ cursor }} {info} }} {closing} }}"
    )
    found = await api.execute(query, {"id": team_id})

    page = found.get("teams") or found["team"]["members"]
    assert (page["totalCount"], page["edges"]) == (0, [])
    assert list(page["pageInfo"].values()) == [False, False, None, None]
