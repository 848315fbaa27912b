"""GraphQL over HTTP: identity, rate, body, then the execution; WebSockets by Strawberry's view."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

import orjson
from cross_web import HTTPException
from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLRequestProtocol
from strawberry.http.streaming import HTTPStreamTransport
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
from strawberry.types import ExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from app.api.codes import CloseCode, Code
from app.api.errors import CodedError, Refused, as_refused
from app.api.http.admission import Admission
from app.api.http.cross_origin import Origins
from app.api.http.event_stream import EventStream, EventTransport, PartTransport
from app.api.http.graphiql import graphiql_page
from app.api.http.http_request import ASKING, IndexedRequest, RequestedOperation, RequestReader
from app.api.http.responses import as_json, batch_response, refusal_response, result_response
from app.api.http.single_connection import (
    Answers,
    SingleConnectionRequests,
    uses_single_connection,
)
from app.api.http.websocket import BoundedWebSocketHandler, StrictWebSocketAdapter
from app.api.media_types import GRAPHQL_RESPONSE, JSON, negotiate, stream_in
from app.api.operations.execution import ALL_KINDS, Operation
from app.api.operations.limits import Limits
from app.api.schema.context import Context, Services
from app.api.schema.schema import build_schema
from app.api.sign_in.expiry import until_expiry
from app.api.sign_in.identity import DevelopmentIdentity, Identity

SUBSCRIPTION_PROTOCOLS = (
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_SSE_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
CONNECTION_INIT_TIMEOUT = timedelta(seconds=10)

# The header by which a client asks for `extensions.cost`.
INCLUDE_COST = (b"x-include-cost", b"true")

NO_MUTATION = ALL_KINDS - {OperationType.MUTATION}


class GraphQLEndpoint(GraphQL[Context, None]):
    """`/graphql`: GraphiQL for browsers, queries by GET and POST, mutations by POST, subscriptions.

    Strawberry's view encodes event streams and serves WebSockets.
    """

    websocket_adapter_class = StrictWebSocketAdapter
    graphql_transport_ws_handler_class = BoundedWebSocketHandler
    stream_transport_classes_by_protocol: Mapping[str, type[HTTPStreamTransport]] = {
        GRAPHQL_SSE_PROTOCOL: EventTransport,
        MULTIPART_SUBSCRIPTION_PROTOCOL: PartTransport,
    }

    def __init__(
        self,
        services: Services,
        identity: Identity,
        limits: Limits,
        admission: Admission,
        *,
        origins: Origins,
        max_body_bytes: int,
    ) -> None:
        schema = self._schema = build_schema(limits)
        super().__init__(
            schema,
            subscription_protocols=SUBSCRIPTION_PROTOCOLS,
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
            max_subscriptions_per_connection=limits.max_subscriptions_per_connection,
        )
        self._services = services
        self._identity = identity
        self._origins = origins
        self.admission = admission
        self._reader = RequestReader(
            admission.documents,
            max_batch_size=limits.max_batch_size,
            max_body_bytes=max_body_bytes,
        )
        self._single_connection = SingleConnectionRequests(
            admission, limits, self._reader, self._execute_on_connection
        )
        page = graphiql_page(
            development=isinstance(identity, DevelopmentIdentity),
            introspection=limits.introspection,
            onlyTrusted=admission.documents.only_registered,
            problems=schema.problems,
        )
        self._page = page if limits.graphiql else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket to its end."""
        try:
            self.admission.check_address(scope)
            if scope["type"] == "websocket":
                return await self._serve(WebSocket(scope, receive, send))
            response = await self._respond(IndexedRequest(scope, receive))
        except (Refused, CodedError) as error:
            refusal = as_refused(error) if isinstance(error, CodedError) else error
            self.admission.observers.refused(refusal.code)
            accept = HTTPConnection(scope).headers.get("accept")
            response = refusal_response(refusal, accept)
        return await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        """The response to a request. *Raises*: `Refused`, `CodedError`."""
        viewer = await self._identity.viewer(request, {})
        context = Context(self._services, viewer, request)
        if uses_single_connection(request):
            return await self._single_connection.answer(request, context)
        accept = request.headers.get("accept")
        media_type = negotiate(accept)
        if self._page is not None and asks_for_page(request):
            return self._page
        if media_type is None and stream_in(accept or "") is None:
            raise Refused(Code.NOT_ACCEPTABLE, f"Accept {JSON} or {GRAPHQL_RESPONSE}.")
        if request.method not in {"GET", "POST"}:
            raise Refused(
                Code.BAD_REQUEST,
                "GraphQL only supports GET and POST requests.",
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                headers={"Allow": "GET, POST, PUT, DELETE"},
            )
        asked = await self._reader.read(request, context.client)
        if isinstance(asked, list):
            context.answers_once = True
            self.admission.check_rates(context, request.scope, len(asked), counted=1)
            answers = (self._execute(request, each, context) for each in asked)
            return batch_response(await asyncio.gather(*answers))
        begun = await self._begin(request, asked, context, media_type)
        if isinstance(begun, ExecutionResult):
            return result_response(begun, media_type or JSON)
        return self._streamed(request, begun, asked.protocol)

    async def _begin(
        self,
        request: Request,
        asked: RequestedOperation,
        context: Context,
        media_type: str | None,
    ) -> ExecutionResult | AsyncGenerator[ExecutionResult, None]:
        """The answer to an operation. A stream of results counts as a connection of its client.

        If JSON is acceptable too, only subscriptions use the stream.
        """
        self.admission.check_rates(context, request.scope, counted=1)
        client = context.client
        context.answers_once = asked.protocol == "http" or (
            media_type is not None
            and not await self._schema.is_subscription(
                asked.query, asked.operation_name, client=client
            )
        )
        if context.answers_once:
            return await self._execute(request, asked, context)
        connections = self.admission.connections
        if refusal := asked.refusal or connections.refusal(client):
            return self.admission.refused(refusal)
        results = self._schema.executions.stream(_operation(request, asked, context))
        return connections.counted(client, until_expiry(context.viewer, results))

    async def _execute(
        self, request: Request, asked: RequestedOperation, context: Context
    ) -> ExecutionResult:
        if asked.refusal:
            return self.admission.refused(asked.refusal)
        return await self._schema.executions.execute(_operation(request, asked, context))

    def _streamed(
        self,
        request: Request,
        results: AsyncGenerator[ExecutionResult, None],
        protocol: GraphQLRequestProtocol,
    ) -> Response:
        transport = self._get_stream_transport(protocol)
        assert transport is not None  # noqa: S101 - there is one for each that `stream_in` finds
        events = self._stream_result(request, cast("Any", results), transport)
        preamble = transport.preamble if isinstance(transport, PartTransport) else ""
        return EventStream(events(), results, transport.headers, preamble)

    async def _execute_on_connection(
        self, request: Request, asked: RequestedOperation, context: Context
    ) -> Answers:
        """Begin an operation of the single-connection mode; its answers in JSON form."""
        media_type = negotiate(request.headers.get("accept"))
        begun = await self._begin(request, asked, context, media_type)

        async def answers() -> Answers:
            if isinstance(begun, ExecutionResult):
                yield as_json(begun)
                return
            async with aclosing(begun):
                async for each in begun:
                    yield as_json(each)

        return answers()

    async def process_result(self, request: Request, result: ExecutionResult) -> Any:  # noqa: ARG002
        """An answer of a stream in JSON form."""
        return as_json(result)

    async def _serve(self, websocket: WebSocket) -> None:
        """Serve a WebSocket by Strawberry's view."""
        try:
            await self.run(websocket)
        except (HTTPException, CodedError) as error:
            reason = error.reason if isinstance(error, HTTPException) else error.message
            await websocket.close(CloseCode.BAD_REQUEST, reason)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002
        """True if a page of another origin may open a WebSocket."""
        if self._origins.allows(origin):
            return True
        self._origins.log_refused(origin)
        return False

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """The context of a WebSocket, which signs in later, with `connection_init`."""
        return Context(self._services, None, request)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sign a WebSocket in. *Raises*: `Refused`."""
        connection = cast("HTTPConnection", context.connection)
        context.viewer = await self._identity.viewer(connection, context.connection_params)
        # They may be large, and would last as long as the connection.
        context.connection_params = {}
        connection.scope["headers"].clear()
        return cast("UnsetType", UNSET)

    def decode_json(self, data: str | bytes) -> object:
        """JSON by orjson, whose errors are `json.JSONDecodeError`s too."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON by orjson, as text, which WebSocket messages must be."""
        return orjson.dumps(data).decode()


def asks_for_page(request: Request) -> bool:
    """True if a browser requests the page."""
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and not any(name in request.query_params for name in ASKING)
    )


def _operation(request: Request, asked: RequestedOperation, context: Context) -> Operation:
    kinds = ALL_KINDS
    if asked.protocol == "multipart-subscription" and not context.answers_once:
        kinds = frozenset({OperationType.SUBSCRIPTION})
    elif request.method == "GET":
        kinds = NO_MUTATION
    includes_cost = INCLUDE_COST in request.scope["headers"]
    return Operation(
        context, asked.query, asked.variables, asked.operation_name, kinds, includes_cost
    )
