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


def test_not_allowed_says_what_the_viewer_needs() -> None:
    assert NotAllowed("You must be signed in.").message == "You must be signed in."


def test_invalid_input_says_what_the_field_must_be() -> None:
    assert InvalidInput("name", "must be short").message == "name must be short."


def test_team_not_found_says_which_team_is_meant() -> None:
    assert TeamNotFound(RED).message == "There is no team “red”."


def test_already_on_team_says_who_is_where_and_what_to_do() -> None:
    assert AlreadyOnTeam(SUE, team()).message == (
        "User “sue” is already on team “Red”. Move the user, or let the user leave first."
    )


def test_not_on_team_says_where_the_user_is_instead() -> None:
    assert NotOnTeam(SUE, team()).message == "User “sue” is not on that team, but on team “Red”."
    assert NotOnTeam(SUE, None).message == "User “sue” is not on that team, but on no team."


def test_a_version_conflict_names_both_versions_and_what_to_do() -> None:
    conflict = VersionConflict(Version(5), team(version=Version(7)))

    assert conflict.actual_version == 7
    assert conflict.message == (
        "The team is at version 7, not 5. "
        "Look at what changed and send the request again with the new version."
    )


def test_a_full_team_says_how_many_fit() -> None:
    assert TeamFull(3).message == "There is not enough room: the limit is 3."


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
