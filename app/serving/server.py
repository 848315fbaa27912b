"""Runs the application under uvicorn: the listening socket, graceful shutdown, the exit status."""

import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.serving.http_protocol import HttpProtocol
from app.serving.websocket_protocol import WebSocketProtocol

logger = logging.getLogger(__name__)

GRACEFUL_SHUTDOWN_SECONDS: Final = 10
BACKLOG: Final = 2048

START_FAILED: Final = STARTUP_FAILURE
"""Exit status of a worker that can't start; a replacement could not either, so the server exits."""

# Sent by a worker to its parent when the whole service must stop; handled like SIGTERM.
_SERVICE_FAILED: Final = getattr(signal, "SIGUSR1", signal.SIGTERM)

_has_failed = threading.Event()


class ListeningFailed(Exception):
    """The address can't be listened on; the text says what to do."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, opened before anything else so that an address in use costs nothing.

    *Raises*: `ListeningFailed`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where it reads this protocol number. Without it, an answer that
    # is written in two parts waits 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # Listen now: of two servers that start at once on one port, the second fails here.
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
    ready_message: str | None = None,
) -> None:
    """Serves the application of `factory` ("module:function") until SIGINT or SIGTERM.

    `ready_message` is logged once the server, or the first of its workers, is ready.

    *Limits*: requests in progress have `GRACEFUL_SHUTDOWN_SECONDS` to finish.
    """
    config = uvicorn.Config(
        factory,
        factory=True,
        loop="auto",
        http=partial(HttpProtocol, arrival_timeout_seconds=arrival_timeout_seconds),  # type: ignore[arg-type]  # any factory will do
        ws=partial(WebSocketProtocol, max_frames_per_second=max_frames_per_second),  # type: ignore[arg-type]  # as above
        ws_max_size=max_message_bytes,
        # Compression would double the memory of an idle subscriber to save some bytes per message.
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
        _Workers(config, [listener], ready_message).run()
    else:
        _Server(config, ready_message).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, with a message once it is ready."""

    def __init__(self, config: uvicorn.Config, ready_message: str | None) -> None:
        super().__init__(config)
        self._ready_message = ready_message

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._ready_message:
            logger.info("%s", self._ready_message)


class _Workers(Multiprocess):
    """uvicorn's supervisor, which also forwards signals to workers while they shut down."""

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], ready_message: str | None
    ) -> None:
        super().__init__(config, sockets)
        self._ready_message = ready_message
        self._stop_signal: int = signal.SIGTERM
        signal.signal(_SERVICE_FAILED, self._stop_failed)

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        is_due = self._ready_message and not self.should_exit.is_set()
        if is_due and any(each.is_ready(timeout=1) for each in self.processes):
            logger.info("%s", self._ready_message)
            self._ready_message = None

    def _stop_failed(self, *_: object) -> None:
        # Every worker may send it, and a repeated SIGTERM would end the drain.
        if not _has_failed.is_set():
            _has_failed.set()
            self.signal_queue.append(signal.SIGTERM)

    def handle_int(self) -> None:
        super().handle_int()
        self._stop_signal = signal.SIGINT  # which has no drain

    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()  # or the kernel would accept connections until this process exits
        self._forward(self._stop_signal)

    def join_all(self) -> None:
        while alive := [each.process for each in self.processes if each.process.is_alive()]:
            wait([process.sentinel for process in alive], timeout=0.1)
            while self.signal_queue:
                self._forward(self.signal_queue.pop(0))
        super().join_all()
        if any(each.exitcode == START_FAILED for each in self.processes):
            _has_failed.set()

    def _forward(self, number: int) -> None:
        if number not in {signal.SIGINT, signal.SIGTERM}:
            return
        for process in (each.process for each in self.processes):
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)


def stop_failed_service() -> None:
    """Shuts the server down with exit status 1; from a worker, all workers."""
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        _has_failed.set()
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        os.kill(parent.pid, _SERVICE_FAILED)


def exit_status() -> int:
    """1 after a failure, so that a supervisor restarts the server; else 0."""
    return int(_has_failed.is_set())


def stop_with_parent() -> None:
    """Lets a worker drain and exit when its parent process was killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
    # Ctrl-C reaches a worker twice, from the terminal and from its parent. The second must not
    # interrupt one that has finished serving and waits for threads: that ends in tracebacks.
    Finalize(None, signal.signal, (signal.SIGINT, signal.SIG_IGN), exitpriority=100)


def spare_garbage_collection() -> None:
    """Exempt long-lived objects from garbage collection, and collect less often.

    A request allocates thousands of objects and leaves almost no cycles: by default, mutations
    took 3 % more processor time (median of 10 runs of 800 each, in turns). The second generation is
    bounded at 30,000 new objects: at 100,000, new documents of an anonymous client paused a process
    for 200 ms at a time, now for 40. Full collections stay as frequent, in proportion, since
    connections are cycles: at a fifth, those left by hostile clients filled the memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 3, 33)
