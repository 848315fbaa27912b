"""Graceful shutdown: fail readiness, keep serving for the drain period, then stop.

A load balancer polls `/readyz` and sends requests until it has seen a failure. A server that closed
its listening socket at once would refuse the requests of that interval.
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

# A supervisor that signals the whole process group, and our own parent process, both send SIGTERM.
SAME_SIGNAL_SECONDS: Final = 1.0

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Drain:
    """Delays the first SIGTERM by the drain period, during which the server is not ready.

    SIGINT has no drain. A second signal ends the drain, and the next one the wait for requests.
    Signals within `SAME_SIGNAL_SECONDS` count once, except SIGINT during the drain.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began_at: float | None = None
        self._has_ended = False

    @property
    def has_begun(self) -> bool:
        """True if the server is shutting down."""
        return self._began_at is not None

    @contextmanager
    def intercept_signals(self) -> Iterator[None]:
        """Handles signals before the handlers that uvicorn has set; only in the main thread."""
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

    def _handle(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = now
            if number == signal.SIGTERM and self._seconds > 0:
                # Not logged here: the signal may have come in the middle of a log line, and of a
                # request, whose id the context holds.
                self._loop.call_soon_threadsafe(self._start, context=Context())
                return
        elif now - self._began_at <= SAME_SIGNAL_SECONDS and (
            self._has_ended or number == signal.SIGTERM
        ):
            return
        # After the first signal uvicorn reacts to SIGINT only.
        self._stop(signal.SIGINT if self._has_ended else number)

    def _start(self) -> None:
        logger.info("Draining: not ready, serving for another %g s.", self._seconds)
        self._loop.call_later(self._seconds, self._stop_drained)

    def _stop_drained(self) -> None:
        if not self._has_ended:
            self._stop(signal.SIGTERM)

    def _stop(self, number: int) -> None:
        self._has_ended = True
        handler = self._handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, None)
