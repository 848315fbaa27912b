"""What an operation can cost: how many values its answer can hold, and what the database has to do.

    cost(selections) = the sum of cost(field), with fragments laid in
    cost(field)      = 1 + cost(its selections)
    cost(edges)      = page size x (1 + cost(its selections))

The page size is the `first` or `last` of the field around `edges`, 20 where neither is given. So
`teams(first: 50) { edges { node { id } } }` costs 1 + 50 x (1 + 1 + 1) = 151. What
`@skip` and `@include` leave out is counted all the same.

Some fields have a price on top. Measured, a value took 8 to 12 us of the server's processor time, a
`team` that is looked up 100 us, and a `history` 200 us of the server and the database together.
`nameContains` looks at the names of all teams until the page is full, and `totalCount` of `teams`
counts all of them: for 10,000 teams 35 and 8 ms, for a million a hundred times that.

The limit is such that 50 teams with 50 members each can be read at once, with all that Apollo and
Relay add to a document: 15,855. The dearest operations below it take 0.2 to 0.5 s.

The sum is made once per document; the sizes that are variables are put in for each request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

TEAM_PRICE = 5
HISTORY_PRICE = 20
SEARCH_PRICE = 1_000
COUNT_PRICE = 1_000

PageSize = int | tuple[str, ...]
"""A page size, or the names of the variables of which one gives it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A constant, and parts that count as often as a page has items.

    Fragments are shared between the costs that hold them, so that a document takes no more memory
    than its text. `least` is the cost with every page as small as it can be.
    """

    constant: int
    parts: tuple[tuple[PageSize, "Cost"], ...]
    least: int

    def with_variables(self, values: Mapping[str, Any]) -> int:
        """The cost of one request.

        *Limits*: it takes time in proportion to `least`, which is therefore to be looked at first.
        """
        cost = self.constant
        for size, part in self.parts:
            times = size if isinstance(size, int) else given_size(size, values)
            cost += times * part.with_variables(values)
        return cost


FREE = Cost(0, (), 0)


def total(constant: int, parts: list[tuple[PageSize, Cost]]) -> Cost:
    """The sum; what does not depend on variables goes into the constant at once."""
    least = constant
    kept: list[tuple[PageSize, Cost]] = []
    for size, part in parts:
        least += (size if isinstance(size, int) else 1) * part.least
        if isinstance(size, int) and not part.parts:
            constant += size * part.constant
        elif part.least:
            kept.append((size, part))
    return Cost(constant, tuple(kept), least)


def given_size(names: tuple[str, ...], values: Mapping[str, Any]) -> int:
    """The size that the first of the variables gives which has a value."""
    given = [values[name] for name in names if values.get(name) is not None]
    return max(map(page_size, given), default=DEFAULT_PAGE_SIZE)


def page_size(given: object) -> int:
    """The size that a page will have; one that is out of range is refused by its resolver."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return int(min(max(given, 1), MAX_PAGE_SIZE))
    return DEFAULT_PAGE_SIZE
