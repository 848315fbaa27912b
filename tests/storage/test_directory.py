"""Reads of what another program has written: documents without times, with ids of its own."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from bson import ObjectId

from app.domain.ids import TeamId, UserId
from app.domain.pages import PageRequest, TeamListing, TeamOptions, TeamOrder, TeamPosition
from app.domain.teams import Team
from app.storage.client import Client, teams_of
from app.storage.teams.directory import MongoTeamDirectory

EARLY = datetime(2026, 5, 4, 3, 2, 1, 123_000, tzinfo=UTC)
LATE = datetime(2026, 5, 4, 3, 2, 1, 124_000, tzinfo=UTC)


@pytest.fixture
async def directory(client: Client, database: str) -> MongoTeamDirectory:
    """Twelve teams: two names, two times or none, ids of two types, in every combination."""
    documents: list[dict[str, Any]] = []
    for name, created_at, own_id in product(("Blue", "Red"), (None, EARLY, LATE), (False, True)):
        stored_id = f"team-{len(documents)}" if own_id else ObjectId()
        document: dict[str, Any] = {"_id": stored_id, "name": name, "userIds": [], "version": 1}
        documents.append(document | ({"createdAt": created_at} if created_at else {}))
    await teams_of(client, database).insert_many(documents)
    return MongoTeamDirectory(client, database, default_capacity=10)


@pytest.mark.parametrize("order", TeamOrder)
@pytest.mark.parametrize("from_back", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 12])
async def test_paging_visits_every_team_once_whatever_it_lacks(
    directory: MongoTeamDirectory, order: TeamOrder, size: int, *, from_back: bool
) -> None:
    seen: list[TeamId] = []
    position: TeamPosition | None = None
    more = True

    while more:
        page = await directory.list_teams(
            TeamListing(
                PageRequest(
                    size=size,
                    after=None if from_back else position,
                    before=position if from_back else None,
                    from_back=from_back,
                ),
                order,
                TeamOptions(),
            )
        )
        ids = [position.id for _, position in page.items]
        seen = [*ids, *seen] if from_back else [*seen, *ids]
        position = page.items[0 if from_back else -1][1]
        more = page.has_previous if from_back else page.has_next
        assert len(seen) <= 12, "A team is visited twice."

    everything = await directory.list_teams(
        TeamListing(PageRequest(size=100), order, TeamOptions())
    )
    assert seen == [position.id for _, position in everything.items]
    assert len(set(seen)) == len(seen) == await directory.count_teams(name_contains=None) == 12


async def test_a_team_under_an_id_of_its_own_is_found_by_it(directory: MongoTeamDirectory) -> None:
    found = await directory.find_teams(
        [TeamId("team-1"), TeamId("nobody")], TeamOptions(with_member_count=True)
    )

    assert set(found) == {"team-1"}
    team = found[TeamId("team-1")]
    assert isinstance(team, Team)
    assert team.member_count == 0


async def test_of_the_members_of_a_team_only_those_asked_for_are_found(
    client: Client, database: str
) -> None:
    await teams_of(client, database).insert_one(
        {"name": "Red", "userIds": ["ann", "$name", "zoe"], "version": 1}
    )
    directory = MongoTeamDirectory(client, database, default_capacity=10)

    found = await directory.find_teams_of(
        [UserId("zoe"), UserId("$name"), UserId("nobody")], TeamOptions()
    )

    assert set(found) == {"zoe", "$name"}
    team = found[UserId("zoe")]
    assert isinstance(team, Team)
    assert team.limit == 10
