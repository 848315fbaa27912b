"""A cache that forgets what was not used for longest, bounded by entries and by their weight."""

from collections import OrderedDict
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class BoundedCache(Generic[KeyT, ValueT]):
    """*Limits*: at most `max_entries`, which together weigh at most `max_weight`."""

    def __init__(self, *, max_entries: int, max_weight: int) -> None:
        self._max_entries = max_entries
        self._max_weight = max_weight
        self._entries: OrderedDict[KeyT, tuple[ValueT, int]] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: KeyT) -> ValueT | None:
        """The value, which from now on is the one used last; None when it is not there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: KeyT, value: ValueT, *, weight: int) -> None:
        """Keeps the value; not at all when it is too heavy alone."""
        if weight > self._max_weight:
            return
        if key in self._entries:
            self._weight -= self._entries.pop(key)[1]
        self._entries[key] = (value, weight)
        self._weight += weight
        while len(self._entries) > self._max_entries or self._weight > self._max_weight:
            _, (_, forgotten) = self._entries.popitem(last=False)
            self._weight -= forgotten
