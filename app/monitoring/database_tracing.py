"""OpenTelemetry spans for MongoDB commands; imported only if an exporter is configured."""

from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

# Motor runs a command in a thread with a copy of its caller's context, PyMongo's async API in the
# caller's task. The latter reports no end of a command that is cancelled: its span is never
# exported.
_span: ContextVar[Span | None] = ContextVar("span of the command in progress", default=None)


class CommandTracer(CommandListener):
    """A span for each command of an operation, without the command's content.

    Commands of background work, such as the recorder's, have none.
    """

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("team_joiner")

    def started(self, event: CommandStartedEvent) -> None:
        _span.set(None)
        if not trace.get_current_span().get_span_context().is_valid:
            return
        attributes = {
            "db.system.name": "mongodb",
            "db.operation.name": event.command_name,
            "db.namespace": event.database_name,
        }
        collection = event.command.get(event.command_name)
        if isinstance(collection, str):
            attributes["db.collection.name"] = collection
        name = f"{event.command_name} {collection}" if isinstance(collection, str) else None
        span = self._tracer.start_span(
            name or event.command_name, kind=SpanKind.CLIENT, attributes=attributes
        )
        _span.set(span)

    def succeeded(self, _: CommandSucceededEvent) -> None:
        if span := _span.get():
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        if span := _span.get():
            code = event.failure.get("code")
            span.set_status(Status(StatusCode.ERROR, f"code {code}" if code else None))
            span.end()
