"""Runs an ASGI application under uvicorn: its socket, its processes, and how they end."""

import asyncio
import logging
import math
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.serving.arrival import TimelyHttpProtocol
from app.serving.drain import SAME_TELLING_SECONDS
from app.serving.listening_end import let_nobody_in
from app.serving.websocket_protocol import WebSocketProtocol

logger = logging.getLogger(__name__)

GRACEFUL_SHUTDOWN_SECONDS = 10
BACKLOG = 2048

# Handshakes that have begun are completed, and connections that wait are accepted, in a moment.
ACCEPTING_SECONDS = 0.1

# So long before the workers their parent lets nobody in: it looks ten times a second, and their
# clocks were started a moment after its own.
AHEAD_OF_WORKERS_SECONDS = 3 * ACCEPTING_SECONDS


START_FAILED: Final = STARTUP_FAILURE
"""The exit status of a process that can't start, and could not the next time: the server ends."""

# What a worker that has found the whole service unable tells its parent, which ends as at SIGTERM.
_SERVICE_FAILED = getattr(signal, "SIGUSR1", signal.SIGTERM)

_has_failed = threading.Event()


class ListeningFailed(Exception):
    """The address can't be listened on; the text says what to do."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, taken before anything else is started, so that a clash costs nothing.

    *Raises*: `ListeningFailed`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where it reads this protocol number. Without it, an answer that
    # is written in two parts waits 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # Listening already, so that of two servers that start at once one is told: connections
            # wait until the server accepts them.
            listener.listen(BACKLOG)
        except OSError as error:
            raise ListeningFailed(
                f"Can't listen on {host} port {port}: {error.strerror}. "
                "Stop what listens there, or choose with --host and --port."
            ) from error
        listener.set_inheritable(True)
        yield listener


def run(
    factory: str,
    listener: socket.socket,
    *,
    workers: int,
    max_message_bytes: int,
    max_frames_per_second: int,
    arrival_timeout_seconds: float,
    access_log: bool,
    drain_seconds: float,
    welcome: str | None = None,
) -> None:
    """Serves what `factory` ("module:function") makes until SIGINT or SIGTERM, then drains.

    `welcome` is logged when it is ready: with several workers, when the first is.

    *Limits*: requests under way have `GRACEFUL_SHUTDOWN_SECONDS` to finish.
    """
    config = uvicorn.Config(
        factory,
        factory=True,
        loop="auto",
        http=partial(TimelyHttpProtocol, arrival_timeout_seconds=arrival_timeout_seconds),  # type: ignore[arg-type]  # any factory will do
        ws=partial(WebSocketProtocol, max_frames_per_second=max_frames_per_second),  # type: ignore[arg-type]  # as above
        ws_max_size=max_message_bytes,
        # Compression would double what an idle subscriber costs, to save some bytes per message.
        ws_per_message_deflate=False,
        workers=workers,
        log_config=None,
        access_log=access_log,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
        server_header=False,
        proxy_headers=False,  # the application reads them
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logger.info("Serving on http://%s:%s/graphql", shown, port)
    if workers > 1:
        _Workers(config, [listener], drain_seconds=drain_seconds, welcome=welcome).run()
    else:
        _Server(config, welcome).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn's, which stops to listen without losing who has been let in by the kernel."""

    def __init__(self, config: uvicorn.Config, welcome: str | None) -> None:
        super().__init__(config)
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says that it is ready when it is."""
        await super().startup(sockets)
        if self.started and self._welcome:
            logger.info("%s", self._welcome)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets nobody in any more, accepts those who are, and shuts down."""
        for listener in sockets or ():
            let_nobody_in(listener)
        await asyncio.sleep(ACCEPTING_SECONDS)
        await super().shutdown(sockets)


class _Workers(Multiprocess):
    """Uvicorn's supervisor, which passes on what it is sent, also while its workers end.

    They share the socket, so it is for their parent to let nobody in when all of them end.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: list[socket.socket],
        *,
        drain_seconds: float,
        welcome: str | None,
    ) -> None:
        super().__init__(config, sockets)
        self._welcome = welcome
        self._drain_seconds = drain_seconds
        self._telling: int = signal.SIGTERM
        self._end_at = math.inf
        signal.signal(_SERVICE_FAILED, self._end_failed)

    def keep_subprocess_alive(self) -> None:
        """Says that the first worker is ready when it is, besides what uvicorn's does."""
        super().keep_subprocess_alive()
        is_due = self._welcome and not self.should_exit.is_set()
        if is_due and any(each.is_ready(timeout=1) for each in self.processes):
            logger.info("%s", self._welcome)
            self._welcome = None

    def _end_failed(self, *_: object) -> None:
        # All workers tell it, and a second SIGTERM would cut the drain.
        if not _has_failed.is_set():
            _has_failed.set()
            self.signal_queue.append(signal.SIGTERM)

    def handle_int(self) -> None:
        """Ends, and lets the workers end, as SIGINT ends a process: without a drain."""
        super().handle_int()
        self._telling = signal.SIGINT

    def terminate_all(self) -> None:
        """Tells the workers to end."""
        drain_seconds = self._drain_seconds if self._telling == signal.SIGTERM else 0
        self._end_at = time.monotonic() + drain_seconds
        self._let_nobody_in_at_the_end()
        self._tell(self._telling)

    def join_all(self) -> None:
        """Waits for the workers; whoever hurries us, hurries them."""
        told_at = time.monotonic()
        while alive := [each.process for each in self.processes if each.process.is_alive()]:
            wait([process.sentinel for process in alive], timeout=0.1)
            self._let_nobody_in_at_the_end()
            while self.signal_queue:
                number = self.signal_queue.pop(0)
                is_new = number == signal.SIGINT or (
                    number == signal.SIGTERM and time.monotonic() - told_at > SAME_TELLING_SECONDS
                )
                if is_new:
                    self._end_at = min(self._end_at, time.monotonic())
                    self._let_nobody_in_at_the_end()
                    self._tell(number)
        super().join_all()
        if any(each.exitcode == START_FAILED for each in self.processes):
            _has_failed.set()

    def _let_nobody_in_at_the_end(self) -> None:
        """Just before the workers stop to listen, which each does by its own clock."""
        if time.monotonic() > self._end_at - AHEAD_OF_WORKERS_SECONDS:
            self._end_at = math.inf
            for listener in self.sockets:
                let_nobody_in(listener)
            time.sleep(ACCEPTING_SECONDS)

    def _tell(self, number: int) -> None:
        for process in (each.process for each in self.processes):
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)


def end_service() -> None:
    """Ends this server as one that has failed; from a worker all, since each would fare alike."""
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        _has_failed.set()
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        os.kill(parent.pid, _SERVICE_FAILED)


def exit_status() -> int:
    """What this process ends with: 1 when it has failed, so that a supervisor starts it again."""
    return int(_has_failed.is_set())


def end_with_parent() -> None:
    """Lets a worker process drain and end when its supervisor has been killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
    # Ctrl-C reaches a worker twice, from the terminal and from its parent. The second one must not
    # interrupt a worker that has served its last and waits for threads, which ends in tracebacks.
    Finalize(None, signal.signal, (signal.SIGINT, signal.SIG_IGN), exitpriority=100)
