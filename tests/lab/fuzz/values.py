"""Values for requests: valid, nearly valid and invalid ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

DrawnT = TypeVar("DrawnT")

# Known sources of bugs: operators, paths, formats, halves of pairs, and lookalikes.
HOSTILE_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "null",
    "undefined",
    "$ne",
    "$where",
    '{"$ne": null}',
    "a.b",
    "__proto__",
    "__typename",
    "../../etc/passwd",
    "'; DROP TABLE teams; --",
    "${7*7}{{7*7}}%s%n",
    "<script>alert(1)</script>",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e\u200b",
    "e\u0301" * 60,
    "A" * 129,
    "é" * 5_000,
    '"""',
    "\\u{110000}",
    "\r\nX-Injected: yes",
    "[object Object]",
    "9" * 400,
    "-1",
    "1e999",
    "000000000000000000000000",
)
HOSTILE_NUMBERS = (
    0,
    -1,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53,
    2**53 + 1,
    2**63,
    2**64,
    -(2**64),
    10**30,
)

# Valid page sizes.
FITTING_NUMBERS = st.integers(1, 8)

TEXTS: SearchStrategy[str] = st.one_of(
    st.sampled_from(HOSTILE_TEXTS),
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text(max_size=20),
)
NUMBERS: SearchStrategy[int] = st.one_of(st.sampled_from(HOSTILE_NUMBERS), st.integers())

_LEAVES: SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.floats(), TEXTS, st.just({"$ne": None})
)
JSON_VALUES: SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


@dataclass(frozen=True, slots=True)
class Known:
    """Existing ids: with random ones only, no request would get beyond `TeamNotFound`."""

    team_ids: Sequence[str]
    user_ids: Sequence[str]

    def ids(self, of: str = "") -> SearchStrategy[str]:
        """Mostly ids of teams and users; of one kind only, if the name says of which."""
        if of == "requestId":
            return mostly(st.integers(0, 99).map("request-{}".format), TEXTS)
        teams = () if of.startswith("user") else self.team_ids
        users = () if "team" in of.lower() else self.user_ids
        return mostly(st.sampled_from([*teams, *users]), TEXTS)

    @property
    def references(self) -> SearchStrategy[dict[str, Any]]:
        """References of a gateway to teams and users."""
        names = mostly(st.sampled_from(["Team", "User"]), JSON_VALUES)
        return st.fixed_dictionaries({"__typename": names, "id": mostly(self.ids(), JSON_VALUES)})

    @property
    def numbers(self) -> SearchStrategy[int]:
        """Mostly what can be a version, a capacity or a page's size."""
        return mostly(FITTING_NUMBERS, NUMBERS)


def mostly(usual: SearchStrategy[DrawnT], other: SearchStrategy[DrawnT]) -> SearchStrategy[DrawnT]:
    """The usual in nine of ten cases."""
    return st.integers(0, 9).flatmap(lambda number: other if number == 9 else usual)
