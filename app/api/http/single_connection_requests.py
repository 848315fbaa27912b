"""Answers to the requests of `graphql-sse`'s single-connection mode."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from strawberry.http import GraphQLRequestData
from strawberry.types import ExecutionResult

from app.api.errors import as_refused
from app.api.http.http_request import ASKING, RequestAdapter
from app.api.http.single_connection import Connection, token_of
from app.api.schema.context import Context

if TYPE_CHECKING:
    from app.api.http.graphql_endpoint import GraphQLEndpoint


async def answer_on_connection(endpoint: "GraphQLEndpoint", request: Request) -> Response | None:
    """The answer to a request of this mode; None for others. *Raises*: `Refused`."""
    token = token_of(request)
    asks_by_url = any(name in request.query_params for name in ASKING)
    if asks_by_url or (request.method != "PUT" and token is None):
        return None
    context = await endpoint.get_context(request, Response())
    match request.method:
        case "PUT":
            if refusal := endpoint.rate_limits.refusal_of_user(context.viewer_id):
                raise as_refused(refusal)
            reserved = endpoint.connections.reserve(context.viewer_id, context.client)
            return PlainTextResponse(reserved, HTTPStatus.CREATED)
        case "GET" if token:
            return endpoint.connections.open(token)
        case "POST" if token:
            connection = endpoint.connections.find(token, context.viewer_id)
            await _execute_on(connection, endpoint, request, context)
            return Response(status_code=HTTPStatus.ACCEPTED)
        case "DELETE" if token:
            connection = endpoint.connections.find(token, context.viewer_id)
            connection.stop(request.query_params.get("operationId", ""))
            return Response()
    return None


async def _execute_on(
    connection: Connection, endpoint: "GraphQLEndpoint", request: Request, context: Context
) -> None:
    """Begins an operation whose results go to a connection."""
    adapter = RequestAdapter(request)
    operation = await endpoint.reader.read(adapter, "sse", batch_protocol="sse")
    extensions = operation.extensions if isinstance(operation, GraphQLRequestData) else None
    operation_id = connection.check((extensions or {}).get("operationId"))
    result = await endpoint.execute_operation(
        request, adapter, operation, context, None, Response()
    )

    async def answers() -> AsyncGenerator[object, None]:
        if isinstance(result, ExecutionResult):
            yield await endpoint.process_result(request, result)
            return
        results = cast("AsyncGenerator[ExecutionResult]", result)
        async with aclosing(results):
            async for each in results:
                yield await endpoint.process_result(request, each)

    connection.begin(operation_id, answers())
