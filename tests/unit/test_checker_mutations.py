from functools import cache
from random import Random

import pytest

from tests.lab.checker.check import check
from tests.lab.checker.simulation import Run, Simulation
from tests.unit.checker_mutations import MUTATIONS, Mutation

SEEDS = range(100, 110)


@cache
def good_run(seed: int) -> Run:
    """Quiet enough that a falsification has places where nothing explains it away."""
    return Simulation(seed, operations=150, clients=3, loss=0.02).run()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_runs_are_accepted_as_they_are(seed: int) -> None:
    run = good_run(seed)

    assert check(run.operations, run.final) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_falsified_run_is_rejected_by_the_rule_that_it_breaks(mutation: Mutation) -> None:
    falsified = [mutation(good_run(seed), Random(seed)) for seed in SEEDS]

    found = [check(run.operations, run.final) for run in falsified if run is not None]

    assert len(found) >= len(SEEDS) // 2
    for violations in found:
        assert MUTATIONS[mutation] in {violation.rule for violation in violations}
