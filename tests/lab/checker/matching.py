"""The largest matching between two sides, by augmenting paths (Kuhn's form of Berge's theorem)."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

LeftT = TypeVar("LeftT", bound=Hashable)
RightT = TypeVar("RightT", bound=Hashable)


def unmatched(wanted: Mapping[LeftT, Sequence[RightT]]) -> list[LeftT]:
    """Those of the left side that get no partner of their own, where as many as possible do."""
    partners: dict[RightT, LeftT] = {}
    return [left for left in wanted if not _match(left, wanted, partners)]


def _match(
    left: LeftT, wanted: Mapping[LeftT, Sequence[RightT]], partners: dict[RightT, LeftT]
) -> bool:
    """Finds a partner for `left` by breadth-first search; others may change theirs."""
    came_from: dict[RightT, LeftT] = {}
    waiting = [left]
    for suitor in waiting:
        for right in wanted[suitor]:
            if right in came_from:
                continue
            came_from[right] = suitor
            if right in partners:
                waiting.append(partners[right])
                continue
            _change_partners(left, right, came_from, partners)
            return True
    return False


def _change_partners(
    left: LeftT,
    free: RightT,
    came_from: Mapping[RightT, LeftT],
    partners: dict[RightT, LeftT],
) -> None:
    """Goes back along the path that ended at `free`; each suitor gives up what it had before."""
    had = {suitor: right for right, suitor in partners.items()}
    right: RightT = free
    while True:
        suitor = came_from[right]
        partners[right] = suitor
        if suitor == left:
            return
        right = had[suitor]
