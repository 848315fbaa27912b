"""How a server takes its leave: not ready first, serving still, and only then ending.

A load balancer asks `/readyz` now and then, and sends requests until it has seen it red. A server
that stopped listening at once would refuse those of the time between.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

# Under some supervisors both they and our own parent process tell us to end; that is one telling.
SAME_TELLING_SECONDS: Final = 1.0

_ABOUT_TO_END: Final = "This server is about to end: not ready, it serves on for %g s."
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Drain:
    """Stands between the signals that end a process and the server that obeys them.

    The first SIGTERM turns readiness red and reaches the server `seconds` later; SIGINT, which
    people send, does so at once. Each further signal ends one more wait: the drain's, then that for
    requests under way.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began_at: float | None = None
        self._has_ended = False

    @property
    def has_begun(self) -> bool:
        """Whether the server is about to end."""
        return self._began_at is not None

    @contextmanager
    def before_signals(self) -> Iterator[None]:
        """Takes the signals, and hands them on to whom they would have reached.

        On the event loop of the main thread only, where signals arrive; elsewhere it does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._loop = asyncio.get_running_loop()
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = now
            if self._seconds > 0 and number == signal.SIGTERM:
                # Not logged here: the signal may have come in the middle of a log line, and of a
                # request, whose id the context holds.
                nobodys = Context()
                self._loop.call_soon_threadsafe(
                    logger.info, _ABOUT_TO_END, self._seconds, context=nobodys
                )
                self._loop.call_soon_threadsafe(
                    self._loop.call_later, self._seconds, self._end, number, frame, context=nobodys
                )
            else:
                self._end(number, frame)
        elif not self._has_ended and number == signal.SIGINT:
            self._end(number, frame)
        elif now - self._began_at > SAME_TELLING_SECONDS:
            # Once it is shutting down, uvicorn hurries for SIGINT only.
            self._end(signal.SIGINT if self._has_ended else number, frame)

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Hands on a signal; the timer's comes to nothing where somebody was faster."""
        handler = self._handlers[signal.Signals(number)]
        if callable(handler) and not (self._has_ended and number == signal.SIGTERM):
            handler(number, frame)
        self._has_ended = True
