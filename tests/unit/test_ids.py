import string

import pytest

from app.domain.ids import is_well_formed_id


@pytest.mark.parametrize(
    "text",
    ["x", "x" * 128, "auth0|5f7c", "sue@example.com", string.ascii_letters, "0123._~-+=:|@/"],
)
def test_ids_of_the_stated_set_are_well_formed(text: str) -> None:
    assert is_well_formed_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x" * 129, "a b", "sue\n", "\nsue", "a\0b", "\u200b", "\ud800"),
        *("sué", "\N{CYRILLIC SMALL LETTER ES}ue", "\N{FULLWIDTH DIGIT ONE}"),
        *" $*?#%&,;!\"'`^\\(){}[]<>",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_well_formed_id(text)
