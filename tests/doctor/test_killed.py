"""A doctor killed by SIGKILL at any step continues when it is run again."""

import pytest

from app.storage.client import Client
from tests.harness.doctor import (
    KILLED,
    broken_rules,
    end_lease,
    places_of,
    run_doctor,
    stored_teams,
)

REPAIR = ("--repair", "--keep", "smallest-team")

REPAIR_PLACES = [
    "after write_collection 1",
    "after clear_structure 1",
    "after write_teams 3",
    "after swap 4",
    "before exchange 1",
    "after exchange 2",
    "before prepare 1",
]
UNDO_PLACES = [
    "after drop_unique_index 1",
    "after swap 3",
    "after exchange 2",
    "before mark_undone 4",
]


@pytest.mark.parametrize("place", REPAIR_PLACES)
async def test_a_killed_repair_can_be_completed_and_undone(
    place: str, mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_teams(client, damaged)

    killed = await run_doctor(mongodb_uri, damaged, *REPAIR, dies_at=place)
    await end_lease(client, damaged)
    completed = await run_doctor(mongodb_uri, damaged, *REPAIR)
    broken, places = await broken_rules(client, damaged), await places_of(client, damaged)
    undone = await run_doctor(mongodb_uri, damaged, "--undo")

    assert killed.status == KILLED
    assert completed.status == 0, completed.output + completed.errors
    assert broken == []
    assert places["sue"] == "Five too"
    assert {"ann", "bob", "joe", "5", "zoe", "kim", "max", "u1", "u2", "u3", "m1004"} <= set(places)
    assert undone.status == 0, undone.output + undone.errors
    assert await stored_teams(client, damaged) == before


@pytest.mark.parametrize("place", UNDO_PLACES)
async def test_a_killed_undo_can_be_completed(
    place: str, mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_teams(client, damaged)
    await run_doctor(mongodb_uri, damaged, *REPAIR)

    killed = await run_doctor(mongodb_uri, damaged, "--undo", dies_at=place)
    await end_lease(client, damaged)
    completed = await run_doctor(mongodb_uri, damaged, "--undo")

    assert killed.status == KILLED
    assert completed.status == 0, completed.output + completed.errors
    assert await stored_teams(client, damaged) == before


async def test_a_killed_repair_can_be_undone(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_teams(client, damaged)
    await run_doctor(mongodb_uri, damaged, *REPAIR, dies_at="after write_teams 4")

    undone = await run_doctor(mongodb_uri, damaged, "--undo")

    assert undone.status == 0, undone.output + undone.errors
    assert await stored_teams(client, damaged) == before
