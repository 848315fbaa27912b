"""Serves the metrics on a port of their own.

They reveal usage, client applications and failures, so they are not served on the public port,
where a proxy would have to block their path. Off unless `METRICS_PORT` is set.

With several workers the parent process sums up the metrics of all, which the Prometheus client for
Python shares through files in a temporary folder: else each scrape would reach another worker.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Metric,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.serving.server import ListeningFailed

logger = logging.getLogger(__name__)

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by the Prometheus client when it is imported, so in workers only."""


@contextmanager
def metrics_served(host: str, port: int | None, *, workers: int) -> Iterator[int | None]:
    """Serves the metrics of this process, or of its workers; yields the port.

    *Raises*: `ListeningFailed`.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the client's types
    if port is None:
        yield None
    elif workers == 1:
        with _listening(host, port, REGISTRY) as bound:
            yield bound
    else:
        with TemporaryDirectory(prefix="team-joiner-metrics-") as folder:
            registry = CollectorRegistry()
            registry.register(_Workers(folder))
            os.environ[FOLDER_VARIABLE] = folder
            try:
                with _listening(host, port, registry) as bound:
                    yield bound
            finally:
                del os.environ[FOLDER_VARIABLE]


@contextmanager
def _listening(host: str, port: int, registry: CollectorRegistry) -> Iterator[int]:
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ListeningFailed(
            f"Can't listen on {host} port {port} for metrics: {error.strerror}. "
            "Stop what listens there, or choose with --metrics-host and --metrics-port."
        ) from error
    shown = f"[{host}]" if ":" in host else host
    logger.info("Serving metrics on http://%s:%s/metrics", shown, server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Workers(Collector):
    """The metrics of all workers; of those that have exited, the counters."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._collector = MultiProcessCollector(None, path=folder)  # type: ignore[no-untyped-call]  # the client's types

    def collect(self) -> Iterable[Metric]:
        for file in Path(self._folder).glob("gauge_live*_*.db"):
            process_id = int(file.stem.rsplit("_", 1)[1])
            if not _is_alive(process_id):
                mark_process_dead(process_id, self._folder)  # type: ignore[no-untyped-call]  # as above
        metrics: Iterable[Metric] = self._collector.collect()  # type: ignore[no-untyped-call]  # as above
        return metrics


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
