"""A refusal for the cost says where the cost is, and a change that suffices."""

import re
import time
from typing import Any

import pytest
from graphql import GraphQLError

from app.api.codes import Code
from app.api.observation import Observers
from app.api.schema.context import Context
from tests.harness.schema import SCHEMA

PAGES = """
query ($teams: Int, $members: Int) {
  teams(first: $teams) { edges { node { id members(last: $members) { edges { node { id } } } } } }
}
"""
IN_FRAGMENTS = """
query ($teams: Int, $members: Int) { viewer { id } all: teams(first: $teams) { ...Page } }
fragment Page on TeamConnection { edges { node { ...Node } } }
fragment Node on Team { id ... { them: members(last: $members) { edges { node { id } } } } }
"""
DOUBLING = "{ teams { ...A0 } } fragment A40 on TeamConnection { totalCount } " + " ".join(
    f"fragment A{n} on TeamConnection {{ ...A{n + 1} ...{{ ...A{n + 1} }} }}" for n in range(40)
)


async def refusal(query: str, **variables: Any) -> GraphQLError | None:
    context = Context(_ReadyServices(), None)  # type: ignore[arg-type]  # nothing is executed
    schema = SCHEMA
    result = await schema.execute(query, variable_values=variables, context_value=context)
    costly = [
        error
        for error in result.errors or ()
        if (error.extensions or {}).get("code") == Code.QUERY_TOO_COSTLY
    ]
    return costly[0] if costly else None


class _ReadyServices:
    observers = Observers()

    @staticmethod
    def is_prepared() -> bool:
        return False


@pytest.mark.parametrize(
    ("query", "outer", "inner"),
    [
        (PAGES, "teams", "teams.edges.node.members"),
        (IN_FRAGMENTS, "all", "all.edges.node.them"),
    ],
)
@pytest.mark.parametrize(("teams", "members"), [(100, 100), (100, 67), (90, 80)])
async def test_the_most_expensive_paths_are_reported_with_a_size_that_fits(
    query: str, outer: str, inner: str, teams: int, members: int
) -> None:
    error = await refusal(query, teams=teams, members=members)

    assert error is not None
    facts: dict[str, Any] = error.extensions or {}
    assert [path["path"] for path in facts["dearest"][:2]] == [outer, inner]
    assert [path["pageSize"] for path in facts["dearest"][:2]] == [teams, members]
    assert facts["found"] >= facts["dearest"][0]["cost"] > facts["dearest"][1]["cost"]
    assert facts["suggestion"] in error.message
    suggested = re.search(rf"at most (\d+) at a time at `{outer}`", facts["suggestion"])
    assert suggested
    assert await refusal(query, teams=int(suggested[1]), members=members) is None
    assert await refusal(query, teams=int(suggested[1]) + 1, members=members) is not None


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("{ __schema { " + "".join(f"a{n}: __typename " for n in range(9)) + "} }", "__schema"),
        ("{ " + "".join(f"a{n}: teams {{ totalCount }} " for n in range(20)) + "}", "a0"),
        (DOUBLING, "teams"),
    ],
)
async def test_an_excess_that_no_page_size_fixes_is_reported_with_its_path(
    query: str, path: str
) -> None:
    error = await refusal(query)

    assert error is not None
    facts: dict[str, Any] = error.extensions or {}
    assert facts["dearest"][0]["path"] == path
    assert f"less below `{path}`" in facts["suggestion"]


async def test_telling_takes_no_longer_than_reading_a_document_does() -> None:
    wide = "".join(
        f"a{n}: members {{ edges {{ node {{ id team {{ id }} }} }} }} " for n in range(29)
    )
    query = f"{{ teams(first: 100) {{ edges {{ node {{ {wide} }} }} }} }}"
    began = time.process_time()

    error = await refusal(query)

    assert error is not None
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("users", ["memberEdges", "outcomes { edges"])
async def test_the_cost_below_many_added_users_counts_all_of_them(users: str) -> None:
    query = (
        'mutation { addUsersToTeam(input: {teamId: "red", userIds: ["sue"]}) { ... on '
        f"AddUsersToTeamSuccess {{ {users} {{ node {{ team {{ members(first: 100) {{ edges "
        f"{{ node {{ id }} }} }} }} }} }} {'}' * users.count('{')} }} }} }}"
    )

    error = await refusal(query)

    assert error is not None
    assert error.extensions is not None
    costs = {each["path"]: each["cost"] for each in error.extensions["dearest"]}
    path = f"addUsersToTeam.{users.replace(' { ', '.')}.node.team.members"
    assert costs[path] == 100 * (1 + 100 * 3)
