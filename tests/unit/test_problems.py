from typing import Any

import pytest

from app.domain.ids import Version
from app.domain.problems import (
    AlreadyOnTeam,
    InvalidInput,
    NotAllowed,
    NotOnTeam,
    TeamFull,
    TeamNotFound,
    VersionConflict,
)
from tests.unit.domain_values import RED, SUE, team


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (NotAllowed("You must be signed in."), "You must be signed in."),
        (InvalidInput("name", "must be short"), "name must be short."),
        (TeamNotFound(RED), "There is no team “red”."),
        (
            AlreadyOnTeam(SUE, team()),
            "User “sue” is already on team “Red”. Move the user, or let the user leave first.",
        ),
        (NotOnTeam(SUE, team()), "User “sue” is not on that team, but on team “Red”."),
        (NotOnTeam(SUE, None), "User “sue” is not on that team, but on no team."),
        (
            VersionConflict(Version(5), team(version=Version(7))),
            "The team is at version 7, not 5. "
            "Look at what changed and send the request again with the new version.",
        ),
        (TeamFull(3), "There is not enough room: the limit is 3."),
    ],
)
def test_the_message_says_what_holds_and_what_to_do(problem: Any, message: str) -> None:
    assert problem.message == message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Family \U0001f469\u200d\U0001f467", "Family \U0001f469\u200d\U0001f467"),
        ("a\xa0b", "a\xa0b"),
        ("O'Neil's \\ \"Best\"", "O'Neil's \\ \"Best\""),
        ("a\nb\x1b[0m\x85\u2028c\0", "a b [0m  c "),
        ("a\u202eb\u2066c\u200f", "abc"),
        ("שלם", "\u2068שלם\u2069"),
        ("\u2069שלם\u2068", "\u2068שלם\u2069"),
    ],
)
def test_a_name_is_quoted_as_it_is_and_can_not_disturb_the_sentence(name: str, shown: str) -> None:
    assert NotOnTeam(SUE, team(name=name)).message == (
        f"User “sue” is not on that team, but on team “{shown}”."
    )
    assert AlreadyOnTeam(SUE, team(name=name)).message.startswith(
        f"User “sue” is already on team “{shown}”. "
    )
