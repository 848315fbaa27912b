"""Faults under load: the answers of three servers and the final state, judged by the checker."""

import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.lab.faults.faults import BY_NAME
from tests.lab.faults.lab import Lab, running_lab
from tests.lab.torture.trial import run_trial

# Half of what `scripts/torture` knows, with a short limit for requests; all of it takes minutes.
# Each with how long a server must have been silent at least: else the fault has not struck.
REQUEST_SECONDS = 2.0
FAULTS = {"power-cut": 1.0, "step-down": 0.0, "kill-server": 0.2, "half-open": REQUEST_SECONDS}


# A client whose server is killed, or that is cancelled while it connects, leaves its socket to the
# garbage collector, which may come by in any later test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collects what a trial leaves within the test that ignores it."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    async with running_lab(folder, request_seconds=REQUEST_SECONDS) as lab:
        yield lab


@pytest.mark.parametrize("name", FAULTS)
async def test_no_promise_is_broken_and_the_service_is_back_by_itself_after(
    lab: Lab, name: str
) -> None:
    trial = await run_trial(lab, BY_NAME[name], prefix=f"{name}-", seed=1)

    assert trial.report.violations == ()
    assert trial.report.operations > 0
    assert trial.report.unavailable_seconds >= FAULTS[name]
