"""Fresh ids and teams for each test, and short queries."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.client import TEAM_FIELDS, Answer, Client
from tests.harness.servers import Server, running_servers

# The default capacity of the servers of `conftest.py`: small, so that a team is soon full.
DEFAULT_CAPACITY = 3

MALFORMED_IDS = ("", " ", "a b", "$ne", "sue\n", "a\0b", "sué", '"', "x" * 129)
MALFORMED_NAMES = ("", "   ", "x" * 101, "a\nb", "a\0b", "a\u2028b", "\t\u007f")

# More than any test's list has: a list that goes on beyond is one that goes round in circles.
MAX_PAGES = 1_000


def new_id(kind: str = "user") -> str:
    return f"{kind}-{uuid4().hex[:12]}"


NOBODYS_TEAM_ID = "000000000000000000000000"
"""What a team's id looks like, the same in every process that collects tests."""


def unknown_team_id() -> str:
    """A well-formed id of a team that does not exist."""
    return uuid4().hex[:24]


async def create_team_with(
    api: Client, *user_ids: str, creator: str | None = None, **given: Any
) -> Answer:
    team = await api.create_team(viewer=creator, **given)
    for user_id in user_ids:
        outcome = await api.mutate("addUserToTeam", teamId=team["id"], userId=user_id)
        team = outcome["team"]
    return team


async def find_team(api: Client, team_id: str) -> Answer | None:
    query = f"query ($id: ID!) {{ team(id: $id) {{ {TEAM_FIELDS} }} }}"
    found: Answer | None = (await api.execute(query, {"id": team_id}))["team"]
    return found


async def members_of(api: Client, team_id: str) -> list[str]:
    """The ids of the first 100 members."""
    query = "query ($id: ID!) { team(id: $id) { members(first: 100) { edges { node { id } } } } }"
    team = (await api.execute(query, {"id": team_id}))["team"]
    return [edge["node"]["id"] for edge in team["members"]["edges"]]


async def team_id_of(api: Client, user_id: str) -> str | None:
    query = "query ($id: ID!) { user(id: $id) { team { id } } }"
    team = (await api.execute(query, {"id": user_id}))["user"]["team"]
    return team["id"] if team else None


def own_server(**settings: str) -> Any:
    """The fixture `server` of a module: one with these settings, on a database of its own."""

    @pytest.fixture(scope="module", name="server")
    async def server(mongodb_uri: str) -> AsyncIterator[Server]:
        async with running_servers(1, mongodb_uri, new_id("test"), **settings) as (server,):
            yield server
            assert b"Traceback" not in server.log

    return server


@pytest.fixture(name="headers")
def signed_out() -> dict[str, str]:
    """The fixture `headers` of a module whose requests carry none by themselves."""
    return {}
