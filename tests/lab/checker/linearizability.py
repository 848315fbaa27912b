"""Decides whether overlapping steps of one register can have happened one by one, in some order.

Linearizability is due to Herlihy and Wing (1990), its decision by search to Wing and Gong (1993).
This is the search that Gavin Lowe calls just-in-time linearization ("Testing for linearizability",
2017): walk through the beginnings and ends of the steps in time and hold every possibility of how
things stand; only when a step ends, and only where it has not happened yet, let pending steps
happen until it has. Possibilities that can do no more than another one are dropped, as are orders
among steps of the same effect; so optional steps, which stay pending for ever, cost little.

Where there are many of those all the same, a first search holds only the possibilities that have
used the fewest. If it comes through, the history is possible; if not, a wider one is made.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

# How many possibilities are held at once, search after search. For 30 users with 60 optional steps
# among 700 each, this took 2.7 seconds where holding all possibilities took 8.4.
WIDTHS = (8, 100, 1_000, 10_000)

# A search may pass through so many more on the way from one end to the next.
PASSED_PER_HELD = 10

IMPOSSIBLE = -1


@dataclass(frozen=True, slots=True)
class Step:
    """A step that takes the register from state `s` to `to[s]` at one moment between the two given.

    It can't happen where `to[s]` is `IMPOSSIBLE`. An `optional` one may never happen; its end is
    not looked at.
    """

    started_at: float
    ended_at: float
    to: tuple[int, ...]
    optional: bool = False

    @property
    def is_check(self) -> bool:
        """True if it changes no state."""
        return all(after in (before, IMPOSSIBLE) for before, after in enumerate(self.to))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The first step (by its number) that can't have happened before its end.

    `states` are those that the register can have had at that moment. `undecided` is set when there
    were too many possibilities to tell.
    """

    step: int
    states: frozenset[int]
    undecided: bool = False


class _Possibility(NamedTuple):
    """One way in which things can stand.

    `done` has a bit for each pending change that has happened. `debt` has one for each pending
    check that has not held yet and for each optional step that was used up: the less, the better.
    """

    state: int
    done: int
    debt: int


class _Possibilities:
    """A set from which a possibility drops out when another has the same but for less debt."""

    def __init__(self) -> None:
        self._debts: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.count = 0

    def add(self, new: _Possibility) -> bool:
        """True if the configuration was new."""
        debts = self._debts[new.state, new.done]
        if any(debt & new.debt == debt for debt in debts):
            return False
        kept = [debt for debt in debts if debt & new.debt != new.debt]
        self.count += len(kept) + 1 - len(debts)
        debts[:] = [*kept, new.debt]
        return True

    def __iter__(self) -> Iterator[_Possibility]:
        for (state, done), debts in self._debts.items():
            for debt in debts:
                yield _Possibility(state, done, debt)


def find_contradiction(steps: Sequence[Step], initial: int = 0) -> Contradiction | None:
    """The reason why the steps have no sequential order; None if they have one.

    *Limits*: undecided if there are more possibilities than the widest search holds.
    """
    contradiction: Contradiction | None = None
    for width in WIDTHS:
        search = _Search(steps, initial, width)
        contradiction = search.run()
        if contradiction is None or search.is_complete:
            return contradiction
    assert contradiction is not None
    return replace(contradiction, undecided=True)


class _Search:
    """`is_complete` tells whether it has held every possibility."""

    def __init__(self, steps: Sequence[Step], initial: int, width: int) -> None:
        self.is_complete = True
        self._width = width
        self._steps = steps
        self._checks = {number for number, step in enumerate(steps) if step.is_check}
        self._now = _Possibilities()
        self._now.add(_Possibility(initial, 0, 0))
        # For each state, the pending checks that hold in it.
        self._holding = [0] * len(steps[0].to) if steps else []
        # The bit of each pending step; those that have happened leave theirs to others.
        self._bits: dict[int, int] = {}
        self._free_bits: list[int] = []
        # Pending changes of the same effect: as (end, bit), the one that must happen first in
        # front. Letting any other of them happen first gains nothing.
        self._changes: dict[tuple[int, ...], list[tuple[float, int]]] = defaultdict(list)
        # For each state, the optional steps that can change it: of those of the same effect, the
        # first to have begun is used up first.
        self._optional: list[dict[tuple[int, ...], list[int]]] = [{} for _ in self._holding]

    def run(self) -> Contradiction | None:
        events: list[tuple[float, bool, int]] = []
        for number, step in enumerate(self._steps):
            events.append((step.started_at, False, number))
            if not step.optional:
                events.append((step.ended_at, True, number))
        # What ends at the very moment at which another begins overlaps with it.
        for _, is_end, number in sorted(events):
            if not is_end:
                self._begin(number)
            elif contradiction := self._end(number):
                return contradiction
        return None

    def _begin(self, number: int) -> None:
        step = self._steps[number]
        if step.optional and number in self._checks:
            return
        bit = heappop(self._free_bits) if self._free_bits else 1 << len(self._bits)
        self._bits[number] = bit
        if number in self._checks:
            for state, after in enumerate(step.to):
                if after == state:
                    self._holding[state] |= bit
            before, self._now = self._now, _Possibilities()
            for state, done, debt in before:
                self._now.add(self._settled(state, done, debt | bit))
        elif step.optional:
            for state, after in enumerate(step.to):
                if after not in (state, IMPOSSIBLE):
                    self._optional[state].setdefault(step.to, []).append(bit)
        else:
            insort(self._changes[step.to], (step.ended_at, bit))

    def _end(self, number: int) -> Contradiction | None:
        """Keeps what is possible with the step having happened."""
        step, bit = self._steps[number], self._bits[number]
        before, self._now = self._now, _Possibilities()
        reached = self._let_happen(before, number)
        if not self._now.count:
            return Contradiction(number, frozenset(state for state, _, _ in reached))
        if number in self._checks:
            self._holding = [holding & ~bit for holding in self._holding]
        else:
            self._changes[step.to].remove((step.ended_at, bit))
            if not self._changes[step.to]:
                del self._changes[step.to]
        heappush(self._free_bits, self._bits.pop(number))
        return None

    def _let_happen(self, before: _Possibilities, number: int) -> _Possibilities:
        """Collects what is possible with the step having happened; the others on the way there.

        Goes on from where the fewest optional steps were used.
        """
        is_check, bit = number in self._checks, self._bits[number]
        reached = _Possibilities()
        numbers = count()
        waiting: list[tuple[int, int, _Possibility]] = []
        found: Iterator[_Possibility] = iter(before)
        while True:
            for possibility in found:
                _, done, debt = possibility
                if not debt & bit if is_check else done & bit:
                    self._now.add(self._forget(possibility, bit))
                elif reached.add(possibility):
                    heappush(waiting, (possibility.debt.bit_count(), next(numbers), possibility))
            if not waiting:
                return reached
            if self._now.count >= self._width or reached.count >= self._width * PASSED_PER_HELD:
                self.is_complete = False
                return reached
            found = self._next(heappop(waiting)[2])

    def _next(self, possibility: _Possibility) -> Iterator[_Possibility]:
        """The configurations that one more pending step can lead to."""
        state, done, debt = possibility
        waiting: set[tuple[int, ...]] = set()
        for to, changes in self._changes.items():
            bit = next((bit for _, bit in changes if not done & bit), 0)
            if not bit:
                continue
            waiting.add(to)
            if to[state] != IMPOSSIBLE:
                yield self._settled(to[state], done | bit, debt)
        for to, bits in self._optional[state].items():
            # One that must happen anyway, with the same effect, is the better one to use.
            if to in waiting:
                continue
            bit = next((bit for bit in bits if not debt & bit), 0)
            if bit:
                yield self._settled(to[state], done, debt | bit)

    def _settled(self, state: int, done: int, debt: int) -> _Possibility:
        """A check happens as soon as it holds: it changes nothing, so waiting gains nothing."""
        return _Possibility(state, done, debt & ~self._holding[state])

    @staticmethod
    def _forget(possibility: _Possibility, bit: int) -> _Possibility:
        return _Possibility(possibility.state, possibility.done & ~bit, possibility.debt & ~bit)
