"""The driver's errors that mean a temporarily unavailable database."""

import pytest
from pymongo.errors import OperationFailure

from app.domain.faults import DatabaseUnavailable, MomentGone
from app.domain.ids import CommitTime
from app.storage.errors import driver_faults


@pytest.mark.parametrize(
    ("code", "labels"),
    [(251, []), (251, ["TransientTransactionError"]), (112, ["TransientTransactionError"])],
)
def test_a_transaction_that_may_be_run_again_has_met_no_bug(code: int, labels: list[str]) -> None:
    """After an election the new primary does not know the transactions of the old one."""
    error = OperationFailure("Over.", code, {"errorLabels": labels})

    with pytest.raises(DatabaseUnavailable), driver_faults():
        raise error


def test_a_snapshot_read_before_a_new_primarys_first_commit_has_met_no_bug() -> None:
    """The primary of an election has no snapshot until a majority has its first entry."""
    error = OperationFailure("No committed OpTime for snapshot read", 246)

    with pytest.raises(DatabaseUnavailable), driver_faults():
        raise error


def test_a_snapshot_that_is_gone_at_a_time_is_a_moment_gone() -> None:
    with pytest.raises(MomentGone), driver_faults(at=CommitTime(1)):
        raise OperationFailure("Gone.", 246)


def test_an_error_that_nothing_explains_is_passed_on() -> None:
    with pytest.raises(OperationFailure), driver_faults():
        raise OperationFailure("Odd.", 99_999)
