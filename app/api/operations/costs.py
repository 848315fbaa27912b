"""Costs that depend on the page sizes that the variables of a request give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE


class VariableSize(NamedTuple):
    """The names of the variables that may give a page size, and the size if none has a value."""

    names: tuple[str, ...]
    default: int


PageSize = int | VariableSize

Values = Mapping[str, Any] | None
"""The values of a request's variables; None for those that make every page as small as can be."""


def size_of(size: PageSize, values: Values) -> int:
    """The size; of several variables the greatest."""
    if isinstance(size, int):
        return size
    if values is None:
        return 1
    given = [values[name] for name in size.names if values.get(name) is not None]
    return max(map(page_size, given), default=size.default)


@dataclass(frozen=True, slots=True)
class Cost:
    """A constant, and parts multiplied by page sizes.

    Costs share the parts of fragments, so that they take no more memory than the document's text.
    `least` is the cost with every variable page size at its minimum.
    """

    constant: int
    parts: tuple[tuple[PageSize, "Cost"], ...]
    least: int

    def of(self, values: Values) -> int:
        """The cost of one request; takes time in proportion to `least`, so check that first."""
        if values is None:
            return self.least
        return self.constant + sum(
            size_of(size, values) * part.of(values) for size, part in self.parts
        )


FREE = Cost(0, (), 0)


def total(constant: int, parts: list[tuple[PageSize, Cost]]) -> Cost:
    """The sum, with parts that do not depend on variables added to the constant."""
    least = constant
    kept: list[tuple[PageSize, Cost]] = []
    for size, part in parts:
        least += size_of(size, None) * part.least
        if isinstance(size, int) and not part.parts:
            constant += size * part.constant
        elif part.least:
            kept.append((size, part))
    return Cost(constant, tuple(kept), least)


def page_size(given: object) -> int:
    """The size used for a value; the resolver rejects one that is out of range."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return int(min(max(given, 1), MAX_PAGE_SIZE))
    return len(given) if isinstance(given, list | tuple) else DEFAULT_PAGE_SIZE
