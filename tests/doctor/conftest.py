"""A damaged database."""

import pytest

from app.storage.client import Client
from tests.harness.doctor import damaged_teams


@pytest.fixture
async def damaged(client: Client, empty_database: str) -> str:
    """The name of a database with all known damage, foreign indexes and a foreign validator."""
    teams = client[empty_database]["teams"]
    await teams.insert_many(damaged_teams())
    await teams.create_index("userIds", name="one_team_per_user")
    await teams.create_index("name", unique=True, sparse=True)
    await teams.create_index("createdAt", expireAfterSeconds=3_600)
    await teams.create_index("color")
    await client[empty_database].command(
        "collMod",
        "teams",
        validator={"color": {"$ne": "blue"}},
        validationLevel="moderate",
        validationAction="warn",
    )
    return empty_database
