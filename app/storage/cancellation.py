"""Cancellation that reaches the task even if the driver suppresses it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """On exit, raise a cancellation that the driver has suppressed inside the context.

    On Python 3.11, `asyncio.wait_for` suppresses one that arrives as its awaitable ends, and the
    async API of PyMongo uses it. A cancelled recorder would go on, and the server never stop.
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
    """The number of requests to cancel this task, without those of timeouts and task groups."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop: there is nothing to cancel
        return 0
    return task.cancelling() if task else 0
