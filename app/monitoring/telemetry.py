"""Wires metrics, traces and the operation log.

Disabled parts have no measurable cost: without a registry the driver has no listeners, and
OpenTelemetry is imported only if an exporter is configured.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from app.api.observation import Observers
from app.config import Settings, SettingsError
from app.monitoring.database_metrics import DatabaseClock, StorageMetrics
from app.monitoring.metrics import ApiMetrics, OperationNames
from app.monitoring.operation_log import OperationLog
from app.storage.observer import Listener

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Telemetry:
    """The observers, and driver's listeners of one application."""

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry | None,
        *,
        registered_documents: Iterable[str],
        environment: Mapping[str, str],
    ) -> None:
        collecting = registry or CollectorRegistry()  # unread unless one was given
        self.clock = DatabaseClock()
        names, lag = OperationNames(registered_documents), self.clock.seconds_since
        self.api_metrics = ApiMetrics(collecting, names, lag)
        self.storage_metrics = StorageMetrics(collecting, lag)
        logs = [OperationLog()] if settings.log_format == "json" else []
        metrics = [self.api_metrics] if registry else []
        self._measured = registry is not None
        self._environment = environment
        self._traced = is_tracing_configured(environment)
        tracer = None
        if self._traced:
            from app.monitoring.tracing import OperationTracer  # noqa: PLC0415

            tracer = OperationTracer()
        self.observers = Observers(*metrics, *logs, tracer=tracer)

    def around_graphql(self, graphql: ASGIApp) -> ASGIApp:
        """The endpoint, with a span for each request if traces are configured."""
        if not self._traced:
            return graphql
        from app.monitoring.tracing import TracedRequests  # noqa: PLC0415

        return TracedRequests(graphql)

    def listeners(self, client: str) -> Sequence[Listener]:
        """Driver event listeners for a client of this name."""
        listeners = [*self.storage_metrics.listeners(client)] if self._measured else []
        if self._traced:
            from app.monitoring.database_tracing import CommandTracer  # noqa: PLC0415

            listeners.append(CommandTracer())
        return listeners

    def exporting(self) -> AbstractContextManager[None]:
        """Exports traces, if configured, while the context is open."""
        if not self._traced:
            return nullcontext()
        from app.monitoring.tracing import exporting  # noqa: PLC0415

        return exporting(self._environment)


def is_tracing_configured(environment: Mapping[str, str]) -> bool:
    """True if a trace exporter is configured. *Raises*: `SettingsError` if it is not installed."""
    if not any(environment.get(variable, "").strip() for variable in ENDPOINT_VARIABLES):
        return False
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise SettingsError(
            f"{ENDPOINT_VARIABLES[0]} needs OpenTelemetry, which is not installed: "
            "install team-joiner[telemetry]."
        )
    return True
