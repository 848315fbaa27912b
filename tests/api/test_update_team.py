import pytest

from tests.api.world import DEFAULT_CAPACITY, create_team_with, find_team, new_id
from tests.harness.client import Answer, Client


@pytest.mark.parametrize(
    ("given", "name", "capacity"),
    [
        ({"name": " Blue "}, "Blue", 5),
        ({"capacity": 9}, "Red", 9),
        ({"capacity": None}, "Red", None),
        ({"name": "Blue", "capacity": 9}, "Blue", 9),
        ({"name": "Blue", "capacity": None}, "Blue", None),
        ({"name": "Red"}, "Red", 5),
    ],
)
async def test_given_values_are_changed_and_omitted_ones_kept(
    api: Client, given: Answer, name: str, capacity: int | None
) -> None:
    team = await api.create_team("Red", capacity=5)

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, **given)

    assert outcome["__typename"] == "UpdateTeamSuccess"
    assert outcome["replayed"] is False
    assert outcome["team"] == {**team, "name": name, "capacity": capacity, "version": 2}
    assert await find_team(api, team["id"]) == outcome["team"]


async def test_an_update_without_values_is_refused(api: Client) -> None:
    team = await api.create_team("Red")

    outcome = await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1)

    assert outcome["__typename"] == "InvalidInput"
    assert outcome["field"] == "name"


async def test_a_capacity_equal_to_the_number_of_members_is_accepted(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id(), capacity=5)

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=team["version"], capacity=2
    )

    assert outcome["team"] == {**team, "capacity": 2, "version": team["version"] + 1}


async def test_a_capacity_below_the_number_of_members_is_refused(api: Client) -> None:
    team = await create_team_with(api, new_id(), new_id())

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=3, capacity=1, name="Blue"
    )

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == 1
    assert await find_team(api, team["id"]) == team


async def test_a_team_with_more_members_than_the_default_keeps_its_own_capacity(
    api: Client,
) -> None:
    members = [new_id() for _ in range(DEFAULT_CAPACITY + 1)]
    team = await create_team_with(api, *members, capacity=10)

    outcome = await api.mutate(
        "updateTeam", teamId=team["id"], expectedVersion=team["version"], capacity=None
    )

    assert outcome["__typename"] == "TeamFull"
    assert outcome["capacity"] == DEFAULT_CAPACITY
    assert await find_team(api, team["id"]) == team
