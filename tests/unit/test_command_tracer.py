"""Spans of commands, without a database."""

import gc
import weakref
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from app.monitoring.database_tracing import CommandTracer

PARENT = NonRecordingSpan(
    SpanContext(trace_id=1, span_id=2, is_remote=False, trace_flags=TraceFlags(1))
)
STARTED: Any = SimpleNamespace(
    command_name="find",
    database_name="teams",
    command={"find": "teams"},
    request_id=1,
    connection_id=("localhost", 1),
)


class Tracer:
    """Keeps no span alive by itself."""

    def __init__(self) -> None:
        self.spans: list[weakref.ref[NonRecordingSpan]] = []

    def start_span(self, *_: object, **__: object) -> NonRecordingSpan:
        span = NonRecordingSpan(PARENT.get_span_context())
        self.spans.append(weakref.ref(span))
        return span


def test_a_command_whose_end_is_never_reported_leaves_no_span(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracer = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda _: cast("trace.Tracer", tracer))
    commands = CommandTracer()

    def operation() -> None:
        with trace.use_span(PARENT):
            commands.started(STARTED)

    copy_context().run(operation)

    gc.collect()
    assert [span() for span in tracer.spans] == [None]
