"""Token buckets, per process.

A bucket holds the operations of ten seconds and refills at the allowed rate. Memory is bounded: the
least recently used buckets are dropped, which is harmless for full ones.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 10
MAX_BUCKETS: Final = 50_000
"""In each of the two sets of a process. A bucket takes some 250 bytes."""


class Buckets:
    """A bucket for each key. *Limits*: `per_second` operations, 0 for no limit; `MAX_BUCKETS`."""

    def __init__(self, per_second: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self.capacity = per_second * BURST_SECONDS
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, count: int = 1) -> float:
        """Take `count` operations and return 0, or take none and return the seconds to wait."""
        most, now = self.capacity, self._now()
        if most == 0 or count == 0:
            return 0
        level, filled_at = self._buckets.pop(key, (most, now))
        level = min(most, level + (now - filled_at) * self._per_second)
        # A count above the capacity is allowed when the bucket is full, and leaves a debt.
        missing = min(count, most) - level
        if missing <= 0:
            level -= count
        self._buckets[key] = (level, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return max(0.0, missing / self._per_second)

    def left(self, key: str) -> tuple[int, float]:
        """The operations left after the last `take`, and the seconds until there are more.

        That is until the next one if none is left, else until the bucket is full.
        """
        level, _ = self._buckets.get(key, (self.capacity, 0.0))
        wanted = 1 if level < 1 else self.capacity
        return max(0, int(level)), (wanted - level) / self._per_second
