"""An LRU cache bounded by entries and weight, with a fair share for each owner."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class _Holdings(Generic[KeyT, ValueT]):
    """The entries of one owner, least recently used first."""

    entries: OrderedDict[KeyT, tuple[ValueT, int]] = field(default_factory=OrderedDict)
    weight: int = 0


class BoundedCache(Generic[KeyT, ValueT]):
    """Entries, each owned by the client that put it first.

    *Limits*: at most `max_entries` with a total weight of `max_weight`. Beyond that the owner that
    holds most loses its least recently used entry, so no owner can evict the others' share.
    """

    def __init__(self, *, max_entries: int, max_weight: int) -> None:
        self._max_entries = max_entries
        self._max_weight = max_weight
        self._owners: dict[KeyT, str] = {}
        # Least recently active first: on a tie they lose an entry.
        self._holdings: OrderedDict[str, _Holdings[KeyT, ValueT]] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._owners)

    def get(self, key: KeyT) -> ValueT | None:
        """The value, now the most recently used one; None if there is none."""
        owner = self._owners.get(key)
        if owner is None:
            return None
        self._holdings.move_to_end(owner)
        entries = self._holdings[owner].entries
        entries.move_to_end(key)
        return entries[key][0]

    def put(self, key: KeyT, value: ValueT, *, weight: int, owner: str = "") -> None:
        """Cache the value, unless it alone exceeds `max_weight`."""
        if weight > self._max_weight:
            return
        if key in self._owners:
            owner = self._owners[key]
            self._forget(owner, key)
        holdings = self._holdings.setdefault(owner, _Holdings())
        self._holdings.move_to_end(owner)
        holdings.entries[key] = (value, weight)
        holdings.weight += weight
        self._weight += weight
        self._owners[key] = owner
        while len(self._owners) > self._max_entries:
            self._forget(max(self._holdings, key=lambda each: len(self._holdings[each].entries)))
        while self._weight > self._max_weight:
            self._forget(max(self._holdings, key=lambda each: self._holdings[each].weight))

    def _forget(self, owner: str, key: KeyT | None = None) -> None:
        """Drop an entry of the owner: the key's, or the least recently used."""
        holdings = self._holdings[owner]
        if key is None:
            key = next(iter(holdings.entries))
        _, weight = holdings.entries.pop(key)
        holdings.weight -= weight
        self._weight -= weight
        del self._owners[key]
        if not holdings.entries:
            del self._holdings[owner]
