"""GraphQL over HTTP: Strawberry's view, with our context, requests, media types and limits."""

from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.streaming import HTTPStreamTransport
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from app.api.codes import CloseCode, Code
from app.api.errors import (
    NOT_EXECUTABLE,
    CodedError,
    Refused,
    as_refused,
    status_of_all,
)
from app.api.http.connection_limits import Clients
from app.api.http.cross_origin import Origins
from app.api.http.event_stream import EventStream, EventTransport, PartTransport
from app.api.http.graphiql import graphiql_page
from app.api.http.http_request import ASKING, RequestAdapter, RequestedOperation, RequestReader
from app.api.http.rate_limit import RateLimits
from app.api.http.refusals import answer_to, as_ours
from app.api.http.single_connection import Connections
from app.api.http.single_connection_requests import answer_on_connection
from app.api.http.websocket import StrictWebSocketAdapter
from app.api.http.websocket_limits import BoundedWebSocketHandler
from app.api.media_types import GRAPHQL_RESPONSE, JSON, negotiate, stream_in
from app.api.operations.limits import Limits
from app.api.operations.persisted_documents import PersistedDocuments
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

# Failures that `application/json` answers with 200, as it did before there was a specification.
_ALWAYS_200 = frozenset({400, 500, 503})


class GraphQLEndpoint(GraphQL[Context, None]):
    """`/graphql`: GraphiQL for browsers, queries by GET and POST, mutations by POST."""

    request_adapter_class = RequestAdapter
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
        documents: PersistedDocuments,
        rate_limits: RateLimits,
        extensions: tuple[type[SchemaExtension], ...] = (),
        *,
        origins: Origins,
    ) -> None:
        schema = self._schema = build_schema(limits, extensions)
        super().__init__(
            schema,
            subscription_protocols=SUBSCRIPTION_PROTOCOLS,
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
            max_subscriptions_per_connection=limits.max_subscriptions_per_connection,
        )
        self._identity = identity
        self._origins = origins
        self.documents = documents
        self.clients = Clients(limits)
        self.connections = Connections(self.clients, limits)
        self.rate_limits = rate_limits
        self.observers = services.observers
        self._services = services
        self.reader = RequestReader(documents, max_batch_size=limits.max_batch_size)
        page = graphiql_page(
            development=isinstance(identity, DevelopmentIdentity),
            introspection=limits.introspection,
            onlyTrusted=documents.only_registered,
            problems=schema.problems,
        )
        self._ide = page if limits.graphiql else None

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """Of an HTTP request the viewer is known at once, of a WebSocket when it says hello."""
        viewer = None
        if not isinstance(request, WebSocket):
            viewer = await self._identity.viewer(request, {})
        context = Context(self._services, viewer, request)
        request.state.client = context.client
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Lets a WebSocket say who it is. *Raises*: `Refused` if that can't be."""
        connection = cast("HTTPConnection", context.connection)
        context.viewer = await self._identity.viewer(connection, context.connection_params)
        context.connection_params = {}  # it may be large, and would stay as long as the connection
        return cast("UnsetType", UNSET)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002
        """Whether a page of another origin than ours may open a WebSocket."""
        if self._origins.allows(origin):
            return True
        self._origins.log_refused(origin)
        return False

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Strawberry's `run`; what it refuses before executing is answered as a GraphQL error."""
        try:
            if not isinstance(request, WebSocket):
                answer = await answer_on_connection(self, request)
                if answer is not None:
                    return answer
            return await super().run(request, *args, **kwargs)
        except HTTPException as error:
            if isinstance(request, WebSocket):
                return await request.close(CloseCode.BAD_REQUEST, error.reason)
            if not isinstance(error.__cause__, NOT_EXECUTABLE):  # else it has been observed
                self.observers.refused(as_ours(error).code)
            return answer_to(error, request)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Whether a browser asks for a page."""
        return (
            self._ide is not None
            and request.method == "GET"
            and "text/html" in request.headers.get("accept", "")
            and not any(name in request.query_params for name in ASKING)
        )

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        """The page that answers a browser."""
        assert self._ide is not None  # noqa: S101 - it is not asked for otherwise
        return self._ide

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Carries the answer's media type. *Raises*: `Refused` when none is acceptable."""
        response = await super().get_sub_response(request)
        response.media_type = negotiate(request.headers.get("accept"))
        if response.media_type is None:
            response.media_type = JSON
            adapter = self.request_adapter_class(cast("Request", request))
            is_stream = self._get_stream_transport_from_headers(request.headers) is not None
            if not is_stream and not self.should_render_graphql_ide(adapter):
                raise Refused(Code.NOT_ACCEPTABLE, f"Accept {JSON} or {GRAPHQL_RESPONSE}.")
        return response

    def _get_stream_transport_from_headers(
        self, headers: Mapping[str, str]
    ) -> HTTPStreamTransport | None:
        """That of the stream that the client accepts, if it accepts one."""
        stream = stream_in(headers.get("accept", ""))
        return self._get_stream_transport(stream) if stream else None

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The operation that a request names, or a batch of them."""
        transport = self._get_stream_transport_from_headers(request.headers)
        protocol = transport.protocol if transport else "http"
        is_stream_alone = negotiate(request.headers.get("accept")) is None
        return await self.reader.read(
            cast("RequestAdapter", request),
            protocol,
            batch_protocol=protocol if is_stream_alone else "http",
        )

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        """Strawberry's; a stream has a place among its client's connections as long as it lasts."""
        self._check_rates(request, context, request_data)
        if not isinstance(request_data, list):
            await self._prefer_json(request, request_data)
        context.answers_once = isinstance(request_data, list) or request_data.protocol == "http"
        if isinstance(request_data, RequestedOperation) and request_data.refusal:
            return self._refused(request_data.refusal)
        client = context.client
        if not context.answers_once and (refusal := self.clients.refusal(client)):
            return self._refused(refusal)
        result = await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )
        if isinstance(result, SubscriptionExecutionResult):
            stream = until_expiry(context.viewer, cast("AsyncGenerator[ExecutionResult]", result))
            return cast("SubscriptionExecutionResult", self.clients.counted(client, stream))
        return result

    async def _prefer_json(self, request: Request, operation: GraphQLRequestData) -> None:
        """Leaves a stream that is acceptable beside JSON to subscriptions."""
        if (
            operation.protocol != "http"
            and negotiate(request.headers.get("accept"))
            and not await self._schema.is_subscription(
                operation.query or "", operation.operation_name, client=request.state.client
            )
        ):
            operation.protocol = "http"

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Strawberry's, unless the operation has been refused already."""
        if isinstance(request_data, RequestedOperation) and request_data.refusal:
            return self._refused(request_data.refusal)
        return await super().execute_single(
            request, request_adapter, sub_response, context, root_value, request_data
        )

    async def _create_streaming_response(self, *args: Any, **given: Any) -> Response:
        """Strawberry's, which ends the operation with the stream."""
        stream = await super()._create_streaming_response(*args, **given)
        transport = self._get_stream_transport(given["protocol"])
        preamble = transport.preamble if isinstance(transport, PartTransport) else ""
        return EventStream(cast("StreamingResponse", stream), given["result"], preamble)

    def _refused(self, refusal: CodedError) -> ExecutionResult:
        self.observers.refused(refusal.code)
        return ExecutionResult(data=None, errors=[refusal])

    def _check_rates(
        self,
        request: Request,
        context: Context,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
    ) -> None:
        """Counts each operation; the request itself has been counted for its address already."""
        count = len(request_data) if isinstance(request_data, list) else 1
        refusal = self.rate_limits.refusal_of_user(context.viewer_id, count)
        refusal = refusal or self.rate_limits.refusal_of_address(request.scope, count - 1)
        if refusal:
            raise as_refused(refusal)

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        """The answer; without `data` where nothing was executed."""
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and not any(e.path for e in result.errors):
            del answer["data"]
        return answer

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        """In the negotiated media type, of which the newer one tells failures by the status."""
        media_type = JSON if isinstance(response_data, list) else sub_response.media_type
        status_code = 200
        if not isinstance(response_data, list) and "data" not in response_data:
            status_code = status_of_all(response_data.get("errors"))
            if media_type == JSON and status_code in _ALWAYS_200:
                status_code = 200
        response = Response(orjson.dumps(response_data), status_code, media_type=media_type)
        response.headers.raw.extend(sub_response.headers.raw)
        return response

    def decode_json(self, data: str | bytes) -> object:
        """JSON by orjson, whose errors are `json.JSONDecodeError`s too."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON by orjson; as text, since WebSocket messages must be."""
        return orjson.dumps(data).decode()
