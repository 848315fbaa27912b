"""The time window of each version of a team, according to the answers."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from tests.lab.checker.effects import Effect


class Windows:
    """The moments of versions 0 (before the team was there) to `last`.

    A version begins after every request that made it, or a lower one, was sent; it ends before any
    answer that acknowledges a higher one.
    """

    def __init__(self, last: int, makers: Mapping[int, Sequence[Effect]]) -> None:
        self.last = last
        self._begins = [-math.inf] * (last + 1)
        self._ends = [math.inf] * (last + 1)
        for version in range(1, last + 1):
            sent = [effect.started_at for effect in makers.get(version, ())]
            self._begins[version] = max([self._begins[version - 1], *sent])
        for version in range(last, 0, -1):
            answered = [effect.ended_at for effect in makers.get(version, ())]
            self._ends[version - 1] = min([self._ends[version], *answered])

    def begins(self, version: int) -> float:
        """The version can't have been there before."""
        return self._begins[version]

    def ends(self, version: int) -> float:
        """The version can't have been there after."""
        return self._ends[version]

    def during(self, started_at: float, ended_at: float) -> range:
        """The versions that can have been there at any moment between two."""
        first = bisect_left(self._ends, started_at)
        return range(first, bisect_right(self._begins, ended_at))
