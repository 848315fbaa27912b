"""Limits of single values, each refused by the name of its field."""

import string
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.domain.changes import UNCHANGED
from app.domain.problems import InvalidInput
from app.domain.validation import (
    check_capacity,
    check_id,
    check_name,
    check_name_part,
    check_version,
)

CHECKS: dict[str, Callable[[Any], InvalidInput | None]] = {
    "userId": partial(check_id, "userId"),
    "name": check_name,
    "capacity": check_capacity,
    "expectedVersion": partial(check_version, "expectedVersion"),
    "nameContains": partial(check_name_part, "nameContains"),
}
FITTING: dict[str, tuple[Any, ...]] = {
    "userId": (
        *(None, "x", "x" * 128, "auth0|5f7c", "sue@example.com"),
        *(string.ascii_letters, "0123._~-+=:|@/"),
    ),
    "name": (
        *(UNCHANGED, "x", "x" * 100, "\N{BALLOON}" * 100, "The Red Team", "Zoë", "日本語", "नमस्ते"),
        *("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}", "$ne", "<script>", "'\"\\", " x "),
        "a\N{NO-BREAK SPACE}b",
    ),
    "capacity": (UNCHANGED, None, 1, 10_000),
    "expectedVersion": (None, 1, 2**31 - 1),
    "nameContains": (None, "", " ", "x" * 100, ".*"),
}
REFUSED: dict[str, tuple[Any, ...]] = {
    "userId": (
        *("", "x" * 129, "a b", "sue\n", "\nsue", "a\0b", "\u200b", "\ud800", "sué"),
        *("\N{CYRILLIC SMALL LETTER ES}ue", "\N{FULLWIDTH DIGIT ONE}"),
        *" $*?#%&,;!\"'`^\\(){}[]<>",
    ),
    "name": (
        *("", "x" * 101, "\N{BALLOON}" * 101, "a\ud800b", "\udfff"),
        *(f"a{each}b" for each in "\0\n\t\r\x1b\x7f\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"),
    ),
    "capacity": (0, -1, 10_001),
    "expectedVersion": (0, -1),
    "nameContains": ("x" * 101, "\0", "a\nb", "\ud800"),
}


@pytest.mark.parametrize("field", CHECKS)
def test_values_are_accepted_up_to_their_limits_and_refused_by_name_beyond(field: str) -> None:
    check = CHECKS[field]

    accepted = [check(value) for value in FITTING[field]]
    refused = [check(value) for value in REFUSED[field]]

    assert accepted == [None] * len(accepted)
    assert [problem and problem.field for problem in refused] == [field] * len(refused)
