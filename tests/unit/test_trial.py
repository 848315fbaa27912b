"""The request times in a trial's report."""

from tests.lab.checker.history import Kind, Operation, Request, UserRead
from tests.lab.load import judge_times

LIMIT_SECONDS = 5.0


def operation(seconds: float) -> Operation:
    request = Request("sue", Kind.READ_USER, user_id="sue")
    return Operation(request, 100.0, 100.0 + seconds, UserRead(None))


def test_a_request_within_its_limit_and_what_a_machine_may_add_is_good() -> None:
    assert judge_times([operation(0.1), operation(7.9)], LIMIT_SECONDS) == []


def test_a_request_beyond_the_limit_is_reported() -> None:
    (sentence,) = judge_times([operation(0.1), operation(8.1)], LIMIT_SECONDS)

    assert "100.0000 to 108.1000 sue: user(user sue)" in sentence
