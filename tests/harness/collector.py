"""A minimal collector of OpenTelemetry's traces: OTLP over HTTP."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.harness.waiting import eventually


@dataclass(frozen=True)
class Span:
    """The part of a span that the tests compare; ids in hexadecimal digits."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    is_error: bool
    attributes: dict[str, Any]


class Collector:
    """Keeps the spans that it receives."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""
        self.url = ""

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.raw += body
        self.spans += _read(body)
        return Response(status_code=200)

    async def trace(self, trace_id: str, count: int) -> list[Span]:
        async def is_complete() -> bool:
            return sum(span.trace_id == trace_id for span in self.spans) >= count

        await eventually(is_complete)
        return [span for span in self.spans if span.trace_id == trace_id]


def _read(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    spans = []
    for resource_spans in request.resource_spans:
        resource = {each.key: each.value for each in resource_spans.resource.attributes}
        spans += [
            Span(
                service=resource["service.name"].string_value,
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                is_error=span.status.code == span.status.STATUS_CODE_ERROR,
                attributes={
                    each.key: each.value.string_value or each.value.int_value
                    for each in span.attributes
                },
            )
            for scope in resource_spans.scope_spans
            for span in scope.spans
        ]
    return spans


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    collector = Collector()
    application = Starlette(routes=[Route("/v1/traces", collector.receive, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())

    async def is_started() -> bool:
        return server.started

    try:
        await eventually(is_started)
        port = server.servers[0].sockets[0].getsockname()[1]
        collector.url = f"http://127.0.0.1:{port}"
        yield collector
    finally:
        server.should_exit = True
        await serving
