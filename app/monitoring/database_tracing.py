"""OpenTelemetry spans for MongoDB commands; imported only if an exporter is configured."""

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)


class CommandTracer(CommandListener):
    """A span for each command of an operation, without the command's content.

    The driver runs commands in threads that inherit their caller's context. Commands of background
    work, such as the recorder's, have no spans.
    """

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("team_joiner")
        self._spans: dict[tuple[int, object], Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
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
        self._spans[event.request_id, event.connection_id] = span

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if span := self._spans.pop((event.request_id, event.connection_id), None):
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        if span := self._spans.pop((event.request_id, event.connection_id), None):
            code = event.failure.get("code")
            span.set_status(Status(StatusCode.ERROR, f"code {code}" if code else None))
            span.end()
