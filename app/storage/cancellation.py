"""Cancellation that no driver swallows."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise a cancellation at the end that the driver has swallowed within.

    On Python 3.11, `asyncio.wait_for` swallows one that arrives as its awaitable ends, and the
    async API of PyMongo uses it. A cancelled recorder would record on, and the server never stop.
    """
    before = _cancellations()
    try:
        yield
    except Exception as error:
        if _cancellations() > before:
            raise asyncio.CancelledError from error
        raise
    if _cancellations() > before:
        raise asyncio.CancelledError


def _cancellations() -> int:
    """The requests to cancel this task so far that no timeout or task group has withdrawn."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop: there is nothing to cancel
        return 0
    return task.cancelling() if task else 0
