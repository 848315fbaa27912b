"""Policies for users on several teams."""

from itertools import permutations

import pytest

from app.doctor.rules.memberships import Keep, Membership, choose_membership
from app.doctor.rules.stored_team import TeamKey
from app.domain.ids import TeamId


def on(team: str, *, made_at: int | None = 1, size: int = 5, place: int = 0) -> Membership:
    return Membership(TeamKey(team.encode()), TeamId(team), team, made_at, size, place)


def kept(memberships: tuple[Membership, ...], keep: Keep, answer: str | None = None) -> str | None:
    """The team, which must not depend on the order of the candidates."""
    found = {
        membership.team_id if membership else None
        for order in permutations(memberships)
        for membership in [choose_membership(order, keep, TeamId(answer) if answer else None)]
    }
    (team_id,) = found
    return team_id


@pytest.mark.parametrize(
    "memberships",
    [
        (on("red", made_at=1), on("blue", made_at=2)),
        (on("red", made_at=1, place=9), on("blue", made_at=2, place=0)),
        (on("red", made_at=1), on("blue", made_at=None)),
        (on("red", place=0), on("blue", place=1)),
        (on("red"), on("zebra")),
        (on("red", made_at=-5), on("blue", made_at=0)),
    ],
)
def test_first_joined_keeps_the_oldest_team_then_place_then_lesser_id(
    memberships: tuple[Membership, ...],
) -> None:
    assert kept(memberships, Keep.FIRST_JOINED) == "red"


def test_smallest_team_keeps_the_team_with_fewest_members_then_the_oldest() -> None:
    assert kept((on("red", size=2), on("blue", size=3)), Keep.SMALLEST_TEAM) == "red"
    assert kept((on("red", made_at=2), on("blue", made_at=1)), Keep.SMALLEST_TEAM) == "blue"


def test_ask_file_keeps_the_team_in_the_answer() -> None:
    both = (on("red"), on("blue"))

    assert kept(both, Keep.ASK_FILE, "blue") == "blue"
    assert kept(both, Keep.ASK_FILE, "green") is None
    assert kept(both, Keep.ASK_FILE) is None
