"""The search for an order, against trying all orders."""

import random
from collections.abc import Sequence
from itertools import permutations

import pytest

from tests.lab.checker import linearizability
from tests.lab.checker.linearizability import IMPOSSIBLE, Step, find_contradiction

STATES = 3


def tried_out(steps: Sequence[Step]) -> bool:
    """True if any order of all steps, or of all but some optional ones, is valid."""
    certain = {number for number, step in enumerate(steps) if not step.optional}
    return any(
        certain <= set(order) and is_possible([steps[number] for number in order])
        for count in range(len(certain), len(steps) + 1)
        for order in permutations(range(len(steps)), count)
    )


def is_possible(order: Sequence[Step]) -> bool:
    state = 0
    latest_start = float("-inf")
    for step in order:
        latest_start = max(latest_start, step.started_at)
        if not step.optional and step.ended_at < latest_start:
            return False
        state = step.to[state]
        if state == IMPOSSIBLE:
            return False
    return True


def any_step(chance: random.Random) -> Step:
    started_at = chance.randrange(10)
    kind = chance.choice(["change", "change", "check", "any"])
    one, other = chance.sample(range(STATES), 2)
    to = [IMPOSSIBLE] * STATES
    if kind == "change":
        to[one] = other
    elif kind == "check":
        to[one] = one
    else:
        to = list(range(STATES))
        to[one] = other
    optional = chance.random() < 0.25
    return Step(started_at, started_at + chance.randrange(6), tuple(to), optional)


@pytest.mark.parametrize("widths", [linearizability.WIDTHS, (1, 1_000)], ids=["wide", "narrow"])
def test_the_search_agrees_with_trying_all_orders(
    widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linearizability, "WIDTHS", widths)
    chance = random.Random(7)
    histories = [[any_step(chance) for _ in range(chance.randrange(1, 6))] for _ in range(3_000)]

    answers = [find_contradiction(steps) for steps in histories]

    expected = [tried_out(steps) for steps in histories]
    assert [answer is None for answer in answers] == expected
    assert not any(answer.undecided for answer in answers if answer)
    assert 500 < sum(expected) < 2_500


def test_steps_that_touch_in_time_overlap() -> None:
    change = Step(0, 1, (1, IMPOSSIBLE))

    assert find_contradiction([change, Step(1, 2, (0, IMPOSSIBLE))]) is None
    assert find_contradiction([change, Step(1.01, 2, (0, IMPOSSIBLE))]) is not None


def test_too_many_possibilities_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "WIDTHS", (1,))
    out = [Step(0, 9, to, optional=True) for to in ((1, -1, -1, -1), (2, -1, -1, -1))]
    back = [Step(0, 9, to, optional=True) for to in ((-1, 3, -1, -1), (-1, -1, 3, -1))]
    looks = [Step(1, 2, (-1, -1, -1, 3)), Step(3, 4, (0, -1, -1, -1))]

    found = find_contradiction([*out, *back, *looks])

    assert found is not None
    assert found.undecided
