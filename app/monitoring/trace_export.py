"""Sends spans to where OpenTelemetry's own environment variables say; imported only if they do."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# What is still unsent when the server ends, to a collector that does not answer, is given up.
FLUSH_SECONDS = 3


@contextmanager
def exporting(environment: Mapping[str, str]) -> Iterator[None]:
    """Sends this process's spans by OTLP over HTTP, as long as the context.

    The endpoint, headers, sampling and the rest are read by OpenTelemetry itself.
    """
    named = "OTEL_SERVICE_NAME" in environment
    resource = Resource.create({} if named else {SERVICE_NAME: "team-joiner"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        flushing = threading.Thread(target=provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
