"""A check that the memory of servers stays flat once their caches are full."""

from collections.abc import Sequence
from typing import Final

MEGABYTE: Final = 1_000_000

# Caches fill in the first half of a long run; what is later is noise of the allocator, or a leak.
MOST_GROWTH_BYTES: Final = 10 * MEGABYTE

# Below that nothing can be said about growth.
LEAST_NOTES: Final = 20


class MemoryWatch:
    """Notes what the servers have in memory, again and again."""

    def __init__(self) -> None:
        self._noted: list[Sequence[int]] = []

    def note(self, memory_bytes: Sequence[int]) -> None:
        self._noted.append(memory_bytes)

    @property
    def latest(self) -> str:
        """The last note, for people."""
        return " and ".join(f"{each / MEGABYTE:.0f} MB" for each in self._noted[-1])

    def growth(self) -> list[str]:
        """A sentence for each server whose memory grew from the third quarter to the last.

        Compared are the peaks. A run of fewer than `LEAST_NOTES` notes is not judged.
        """
        if len(self._noted) < LEAST_NOTES:
            return []
        quarter = len(self._noted) // 4
        sentences = []
        for number, noted in enumerate(zip(*self._noted, strict=True), 1):
            earlier, later = max(noted[-2 * quarter : -quarter]), max(noted[-quarter:])
            if later - earlier > MOST_GROWTH_BYTES:
                sentences.append(
                    f"Server {number} grew from {earlier / MEGABYTE:.0f} to "
                    f"{later / MEGABYTE:.0f} MB in the last quarter."
                )
        return sentences
