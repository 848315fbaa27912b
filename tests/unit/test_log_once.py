"""The bound of warnings that clients cause."""

import logging

import pytest

from app.api.log_once import MAX_WARNINGS, LogOnce


def test_each_warning_is_written_once_and_the_last_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = LogOnce(logging.getLogger("test"))

    for number in [0, *range(MAX_WARNINGS + 5), 0]:
        log.warn("Origin %r.", f"http://{number}")

    assert len(set(caplog.messages)) == len(caplog.messages)
    assert len(caplog.messages) == MAX_WARNINGS + 1
    assert caplog.messages[-1] == "No more warnings of this kind follow until the restart."
