"""OpenTelemetry spans for HTTP requests, operations and root fields, and their export.

Imported only if an exporter is configured. Spans hold names, types, codes and times, like the JSON
log, and never a document, variables or a viewer; Strawberry's own extension records the arguments
of every field.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.utils.await_maybe import await_maybe

from app.api.codes import Code
from app.api.observation import EndedOperation

# For unsent spans at shutdown, when the collector does not answer.
FLUSH_SECONDS = 3

SERVER_FAULTS = frozenset(
    {
        Code.DATABASE_UNAVAILABLE,
        Code.DATABASE_UNSAFE,
        Code.CONTENTION,
        Code.INTERNAL_SERVER_ERROR,
    }
)


class TracedRequests:
    """ASGI middleware: a span for each request to /graphql, as a child of its `traceparent`.

    A WebSocket lives too long for a span; its operations are children of its `traceparent`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._tracer = trace.get_tracer("team_joiner")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        parent = propagate.extract(headers)
        if scope["type"] == "websocket":
            context.attach(parent)  # it ends with the connection's task
            return await self._app(scope, receive, send)
        method = scope["method"]
        attributes = {"http.request.method": method, "url.path": scope["path"]}
        with self._tracer.start_as_current_span(
            f"{method} /graphql", parent, SpanKind.SERVER, attributes
        ) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            return await self._app(scope, receive, send_and_note)


class OperationTracer:
    """A span for each operation, and one for each of its root fields.

    A subscription's span lasts until the subscription ends; the fields of its events have none.
    """

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("team_joiner")

    def begin(self) -> Callable[[EndedOperation], None]:
        span = self._tracer.start_span("GraphQL operation")
        # Not detached: an operation is the last step of its task.
        context.attach(trace.set_span_in_context(span))

        def end(operation: EndedOperation) -> None:
            _describe(span, operation)
            span.end()

        return end

    async def root_field(self, name: str, run: Callable[[], Any]) -> Any:  # noqa: ANN401 - any field's
        with self._tracer.start_as_current_span(name, record_exception=False):
            return await await_maybe(run())


def _describe(span: Span, operation: EndedOperation) -> None:
    span.update_name(f"{operation.kind} {operation.name or ''}".strip())
    span.set_attribute("graphql.operation.type", operation.kind)
    if operation.name:
        span.set_attribute("graphql.operation.name", operation.name)
    span.set_attribute("team_joiner.outcome", operation.outcome)
    if operation.outcome in SERVER_FAULTS:
        span.set_status(Status(StatusCode.ERROR, operation.outcome))


@contextmanager
def exporting(environment: Mapping[str, str]) -> Iterator[None]:
    """Exports this process's spans by OTLP over HTTP; OpenTelemetry reads its own variables."""
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
