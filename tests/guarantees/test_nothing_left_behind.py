"""G7: a refused or failed mutation leaves nothing behind."""

from typing import Any

import pytest
from pymongo.errors import OperationFailure

from app.domain.changes import attribute
from app.domain.ids import UserId
from app.domain.outcomes import AcceptedMove
from app.domain.problems import NotOnTeam, TeamFull, VersionConflict
from app.storage.client import Client
from app.storage.teams.store import MongoTeamStore
from tests.harness.service import add, move, new_team, remove, rename


async def _documents(client: Client, database: str) -> list[dict[str, Any]]:
    return await client[database]["teams"].find().sort("_id").to_list(None)


async def test_refused_mutations_leave_the_documents_as_they_were(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    full = await new_team(store, capacity=1, members=("sue",))
    home = await new_team(store, members=("joe",))
    before = await _documents(client, database)

    outcomes = [
        await add(store, full.id, "mia"),
        await add(store, home.id, "sue"),
        await remove(store, full.id, "joe"),
        await rename(store, full.id, "Other", expected_version=1),
        await move(store, "nobody", home.id),
        await move(store, "joe", home.id),
    ]

    assert all(not hasattr(outcome, "replayed") for outcome in outcomes)
    assert await _documents(client, database) == before


async def test_a_move_whose_second_half_is_refused_changes_neither_team(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    await new_team(store, "Home", members=("sue",))
    full = await new_team(store, "Full", capacity=1, members=("joe",))
    changed = await new_team(store, "Changed", members=("mia",))
    before = await _documents(client, database)

    into_full = await move(store, "sue", full.id)
    into_changed = await move(store, "sue", changed.id, expected_to_version=1)

    assert isinstance(into_full, TeamFull)
    assert isinstance(into_changed, VersionConflict)
    assert await _documents(client, database) == before


async def test_a_move_that_fails_between_its_halves_changes_neither_team(
    client: Client, store: MongoTeamStore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_team(store, "Home", members=("sue",))
    target = await new_team(store, "Target")
    before = await _documents(client, database)

    async def fail(*_: object, **__: object) -> None:
        raise OperationFailure("the second half fails")

    with monkeypatch.context() as broken:
        broken.setattr(store, "_change_memberships", fail)
        with pytest.raises(OperationFailure, match="second half"):
            await move(store, "sue", target.id)

    assert await _documents(client, database) == before
    assert isinstance(await move(store, "sue", target.id), AcceptedMove)


async def test_deletion_frees_the_members_in_the_write_that_deletes(
    client: Client, store: MongoTeamStore, database: str
) -> None:
    team = await new_team(store, members=("sue", "joe"))
    other = await new_team(store)

    await store.delete_team(
        team_id=team.id,
        expected_version=team.version,
        by=attribute("deleteTeam", actor_id=UserId("john"), request_id=None),
    )

    assert isinstance(await remove(store, other.id, "sue"), NotOnTeam)
    deleted = (await _documents(client, database))[0]
    assert deleted["userIds"] == []
    assert deleted["deletedAt"] == deleted["lastChange"]["at"]
