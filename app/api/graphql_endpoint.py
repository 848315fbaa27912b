"""GraphQL over HTTP: Strawberry's view, with our context, JSON, time limit and error form."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
from strawberry.types import ExecutionResult, SubscriptionExecutionResult

from app.api.context import Context, Services
from app.api.errors import database_unavailable, refuse
from app.api.graphiql import read_graphiql_page
from app.api.schema import build_schema
from app.api.websocket import StrictWebSocketAdapter
from app.domain.ids import UserId
from app.domain.validation import check_id

VIEWER_HEADER = "X-User-Id"

SUBSCRIPTION_PROTOCOLS = (
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_SSE_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
CONNECTION_INIT_TIMEOUT = timedelta(seconds=10)


class GraphQLEndpoint(GraphQL[Context, None]):
    """`/graphql`: GraphiQL for browsers, queries by GET and POST, mutations by POST.

    *Limits*: every operation is answered within `timeout_seconds`, if need be with the code
    `DATABASE_UNAVAILABLE`, since the database is all that it can wait for.
    """

    websocket_adapter_class = StrictWebSocketAdapter

    def __init__(self, services: Services, *, timeout_seconds: float) -> None:
        super().__init__(
            build_schema(),
            subscription_protocols=SUBSCRIPTION_PROTOCOLS,
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
        )
        self._services = services
        self._timeout_seconds = timeout_seconds
        self._ide = HTMLResponse(read_graphiql_page())

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """The viewer is whom the header names; without it, anonymous."""
        viewer_id = request.headers.get(VIEWER_HEADER) or None
        if problem := check_id(VIEWER_HEADER, viewer_id):
            raise HTTPException(400, problem.message)
        return Context(self._services, UserId(viewer_id) if viewer_id else None)

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Strawberry's `run`; what it refuses before executing is answered as a GraphQL error."""
        try:
            return await super().run(request, *args, **kwargs)
        except HTTPException as error:
            if isinstance(request, WebSocket):
                return await request.close(4400, error.reason)
            return refuse(error.status_code, error.reason)

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        """Strawberry's, within the time limit."""
        if not self._services.is_prepared():
            return ExecutionResult(data=None, errors=[database_unavailable()])
        try:
            context.answers_once = isinstance(request_data, list) or request_data.protocol == "http"
            async with asyncio.timeout(self._timeout_seconds):
                return await super().execute_operation(
                    request, request_adapter, request_data, context, root_value, sub_response
                )
        except TimeoutError:
            return ExecutionResult(data=None, errors=[database_unavailable()])

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        """The page that answers a browser."""
        return self._ide

    def parse_json(self, data: str | bytes) -> Any:
        """The JSON value of a body or a parameter; GraphQL over HTTP knows objects only."""
        value = super().parse_json(data)
        if not isinstance(value, dict | list):
            raise HTTPException(400, "The request must be a JSON object.")
        return value

    def decode_json(self, data: str | bytes) -> object:
        """JSON by orjson, whose errors are `json.JSONDecodeError`s too."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON by orjson; as text, since WebSocket messages must be."""
        return orjson.dumps(data).decode()
