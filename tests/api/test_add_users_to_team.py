"""addUsersToTeam: an outcome for each user; the laws of all mutations are tested elsewhere."""

import asyncio

import pytest

from tests.api.world import create_team_with, find_team, members_of, new_id, team_id_of
from tests.harness.client import Answer, Client

ROUNDS = 15


def added(*users: str, after: int) -> list[Answer]:
    return [
        {"node": {"id": user}, "added": True, "version": version, "problem": None}
        for version, user in enumerate(users, after + 1)
    ]


def reasons(outcome: Answer) -> dict[str, str | None]:
    """The type of each user's problem, None if added."""
    return {
        each["node"]["id"]: each["problem"] and each["problem"]["__typename"]
        for each in outcome["outcomes"]["edges"]
    }


def users(number: int) -> list[str]:
    return [new_id(f"u{index}") for index in range(number)]


@pytest.mark.parametrize("atomic", [False, True])
async def test_all_users_are_added_in_order_with_a_version_each(
    api: Client, *, atomic: bool
) -> None:
    team, listed = await api.create_team(capacity=200), users(100)

    outcome = await api.mutate(
        "addUsersToTeam", teamId=team["id"], userIds=listed, expectedVersion=1, atomic=atomic
    )

    assert outcome["__typename"] == "AddUsersToTeamSuccess"
    assert outcome["team"] == {**team, "version": 101, "memberCount": 100}
    assert outcome["outcomes"]["edges"] == added(*listed, after=1)
    assert await members_of(api, team["id"]) == listed


async def test_a_user_on_a_team_is_left_out_and_the_others_are_added(
    api: Client, other_api: Client
) -> None:
    sue, ann, john, joe = users(4)
    blue = await create_team_with(api, ann, name="Blue")
    red = await create_team_with(api, joe, name="Red", capacity=9)

    outcome = await other_api.mutate(
        "addUsersToTeam", teamId=red["id"], userIds=[sue, ann, john, joe]
    )

    assert reasons(outcome) == {sue: None, ann: "AlreadyOnTeam", john: None, joe: "AlreadyOnTeam"}
    assert [each["version"] for each in outcome["outcomes"]["edges"]] == [3, None, 4, None]
    assert outcome["outcomes"]["edges"][1]["problem"]["currentTeam"] == blue
    assert outcome["outcomes"]["edges"][3]["problem"]["currentTeam"] == red
    assert outcome["team"] == {**red, "version": 4, "memberCount": 3}
    assert await members_of(api, red["id"]) == [joe, sue, john]


async def test_the_first_free_users_of_the_list_get_the_room(api: Client) -> None:
    busy, sue, john, ann = users(4)
    await create_team_with(api, busy)
    team = await create_team_with(api, new_id(), capacity=3)

    outcome = await api.mutate(
        "addUsersToTeam", teamId=team["id"], userIds=[busy, sue, john, ann], expectedVersion=2
    )

    assert reasons(outcome) == {busy: "AlreadyOnTeam", sue: None, john: None, ann: "TeamFull"}
    assert outcome["outcomes"]["edges"][3]["problem"]["capacity"] == 3
    assert outcome["team"]["memberCount"] == 3


async def test_nothing_changes_if_nobody_can_be_added(api: Client) -> None:
    sue = new_id("sue")
    team = await create_team_with(api, sue, capacity=1)

    outcome = await api.mutate("addUsersToTeam", teamId=team["id"], userIds=[new_id(), sue])

    assert list(reasons(outcome).values()) == ["TeamFull", "AlreadyOnTeam"]
    assert outcome["team"] == team
    assert await find_team(api, team["id"]) == team


async def test_atomic_adds_nobody_if_a_user_cannot_be_added(api: Client) -> None:
    sue, busy, john, ann = users(4)
    await create_team_with(api, busy)
    team = await create_team_with(api, new_id(), capacity=3)

    outcome = await api.mutate(
        "addUsersToTeam", teamId=team["id"], userIds=[sue, busy, john, ann], atomic=True
    )

    assert outcome["__typename"] == "UsersNotAdded"
    assert reasons(outcome) == {busy: "AlreadyOnTeam", ann: "TeamFull"}
    assert await find_team(api, team["id"]) == team
    assert await team_id_of(api, sue) is None


@pytest.mark.parametrize(
    ("given", "shown", "has_next", "has_previous"),
    [
        ({}, [0, 1, 2, 3, 4], False, False),
        ({"first": 2}, [0, 1], True, False),
        ({"first": 2, "after": 1}, [2, 3], True, True),
        ({"last": 2}, [3, 4], False, True),
        ({"last": 2, "before": 2}, [0, 1], True, False),
        ({"after": 0, "before": 3}, [1, 2], True, True),
        ({"last": 9, "after": 3, "before": 2}, [], True, True),
        ({"after": 4}, [], False, True),
    ],
)
async def test_outcomes_are_all_shown_or_page_by_page(
    api: Client, given: Answer, shown: list[int], *, has_next: bool, has_previous: bool
) -> None:
    team, listed = await api.create_team(capacity=10), users(5)
    added = {"teamId": team["id"], "userIds": listed, "requestId": new_id("request")}
    everyone = (await paged_outcomes(api, added))["edges"]
    cursors = {
        name: everyone[given[name]]["cursor"] for name in ("after", "before") if name in given
    }

    page = await paged_outcomes(api, added, **given | cursors)

    assert [each["node"]["id"] for each in everyone] == listed
    assert page["edges"] == [everyone[index] for index in shown]
    assert page["pageInfo"] == {
        "hasNextPage": has_next,
        "hasPreviousPage": has_previous,
        "startCursor": page["edges"][0]["cursor"] if shown else None,
        "endCursor": page["edges"][-1]["cursor"] if shown else None,
    }


async def paged_outcomes(api: Client, added: Answer, **given: object) -> Answer:
    text = """
    mutation (
      $input: AddUsersToTeamInput!, $first: Int, $after: String, $last: Int, $before: String
    ) {
      addUsersToTeam(input: $input) { ... on AddUsersToTeamSuccess {
        outcomes(first: $first, after: $after, last: $last, before: $before) {
          edges { cursor node { id } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      } }
    }"""
    found: Answer = (await api.execute(text, {"input": added, **given}))["addUsersToTeam"]
    page: Answer = found["outcomes"]
    return page


@pytest.mark.parametrize(
    ("listed", "field"),
    [(["a", "b", "c", "a b"], "userIds[3]"), (["a", "b", "a"], "userIds[2]"), ([""], "userIds[0]")],
)
async def test_an_invalid_user_id_is_named_by_its_index(
    api: Client, listed: list[str], field: str
) -> None:
    team = await api.create_team()

    outcome = await api.mutate("addUsersToTeam", teamId=team["id"], userIds=listed)

    assert (outcome["__typename"], outcome.get("field")) == ("InvalidInput", field)


async def test_two_servers_add_overlapping_lists_to_two_teams(
    api: Client, other_api: Client
) -> None:
    for _ in range(ROUNDS):
        only_red, shared, only_blue = users(3), users(6), users(3)
        red = await api.create_team("Red", capacity=7)
        blue = await api.create_team("Blue", capacity=100)

        outcomes = await asyncio.gather(
            api.mutate("addUsersToTeam", teamId=red["id"], userIds=[*only_red, *shared]),
            other_api.mutate(
                "addUsersToTeam", teamId=blue["id"], userIds=[*only_blue, *reversed(shared)]
            ),
        )

        teams = dict(zip((red["id"], blue["id"]), outcomes, strict=True))
        members = {team_id: await members_of(api, team_id) for team_id in teams}
        assert not set(members[red["id"]]) & set(members[blue["id"]])
        for team_id, outcome in teams.items():
            _check_outcomes(team_id, outcome, members)
        refused = {each for outcome in outcomes for each in reasons(outcome).values()}
        assert "AlreadyOnTeam" in refused
        assert members[red["id"]][:3] == only_red
        assert members[blue["id"]][:3] == only_blue


def _check_outcomes(team_id: str, outcome: Answer, members: dict[str, list[str]]) -> None:
    """Each outcome must be true: nobody leaves in this race."""
    (other_id,) = set(members) - {team_id}
    version = 1
    for each in outcome["outcomes"]["edges"]:
        user, problem = each["node"]["id"], each["problem"]
        assert each["added"] == (user in members[team_id]) == (problem is None)
        match problem:
            case None:
                version += 1
                assert each["version"] == version
                assert members[team_id][version - 2] == user
            case {"__typename": "AlreadyOnTeam"}:
                assert problem["currentTeam"]["id"] == other_id
                assert user in members[other_id]
            case _:
                assert len(members[team_id]) == problem["capacity"]
