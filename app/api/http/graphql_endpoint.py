"""GraphQL over HTTP: Strawberry's view, with our context, requests, media types and limits."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
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
from app.api.errors import NOT_EXECUTABLE, CodedError, Refused
from app.api.http.admission import Admission
from app.api.http.cross_origin import Origins
from app.api.http.event_stream import EventStream, EventTransport, PartTransport
from app.api.http.graphiql import graphiql_page
from app.api.http.http_request import (
    ASKING,
    Operations,
    RequestAdapter,
    RequestedOperation,
    RequestReader,
)
from app.api.http.responses import as_ours, refusal_response, result_response
from app.api.http.single_connection import (
    Answers,
    SingleConnectionRequests,
    uses_single_connection,
)
from app.api.http.websocket import BoundedWebSocketHandler, StrictWebSocketAdapter
from app.api.media_types import GRAPHQL_RESPONSE, JSON, negotiate, stream_in
from app.api.operations.limits import Limits
from app.api.schema.context import Context, Services
from app.api.schema.schema import build_schema
from app.api.schema.shared_answers import SharedResult
from app.api.sign_in.expiry import until_expiry
from app.api.sign_in.identity import DevelopmentIdentity, Identity

SUBSCRIPTION_PROTOCOLS = (
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_SSE_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)
CONNECTION_INIT_TIMEOUT = timedelta(seconds=10)


class GraphQLEndpoint(GraphQL[Context, None]):
    """`/graphql`: GraphiQL for browsers, queries by GET and POST, mutations by POST, subscriptions.

    Overrides stand in the order in which a request passes them.
    """

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
        admission: Admission,
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
        self._services = services
        self._identity = identity
        self._origins = origins
        self.admission = admission
        self._reader = RequestReader(admission.documents, max_batch_size=limits.max_batch_size)
        self._single_connection = SingleConnectionRequests(
            admission, limits, self._reader, self._execute_on_connection
        )
        page = graphiql_page(
            development=isinstance(identity, DevelopmentIdentity),
            introspection=limits.introspection,
            onlyTrusted=admission.documents.only_registered,
            problems=schema.problems,
        )
        self._ide = page if limits.graphiql else None

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Strawberry's; a request refused before execution is answered by a GraphQL error."""
        try:
            if not isinstance(request, WebSocket) and uses_single_connection(request):
                context = await self.get_context(request, Response())
                return await self._single_connection.answer(request, context)
            return await super().run(request, *args, **kwargs)
        except (HTTPException, CodedError) as error:
            refusal = as_ours(error)
            if isinstance(request, WebSocket):
                return await request.close(CloseCode.BAD_REQUEST, refusal.reason)
            if not isinstance(error.__cause__, NOT_EXECUTABLE):  # those have been observed already
                self.admission.observers.refused(refusal.code)
            return refusal_response(error, request)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002
        """True if a page of another origin may open a WebSocket."""
        if self._origins.allows(origin):
            return True
        self._origins.log_refused(origin)
        return False

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """A response with the negotiated media type. *Raises*: `Refused` if none is acceptable."""
        response = await super().get_sub_response(request)
        response.media_type = negotiate(request.headers.get("accept"))
        if response.media_type is None:
            response.media_type = JSON
            adapter = self.request_adapter_class(cast("Request", request))
            is_stream = stream_in(request.headers.get("accept", "")) is not None
            if not is_stream and not self.should_render_graphql_ide(adapter):
                raise Refused(Code.NOT_ACCEPTABLE, f"Accept {JSON} or {GRAPHQL_RESPONSE}.")
        return response

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 - Strawberry's signature
    ) -> Context:
        """The context; a WebSocket signs in later, with `connection_init`."""
        viewer = None
        if not isinstance(request, WebSocket):
            viewer = await self._identity.viewer(request, {})
        context = Context(self._services, viewer, request)
        request.state.client = context.client
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sign a WebSocket in. *Raises*: `Refused`."""
        connection = cast("HTTPConnection", context.connection)
        context.viewer = await self._identity.viewer(connection, context.connection_params)
        context.connection_params = {}  # may be large, and would last as long as the connection
        return cast("UnsetType", UNSET)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """True if a browser requests the page."""
        return (
            self._ide is not None
            and request.method == "GET"
            and "text/html" in request.headers.get("accept", "")
            and not any(name in request.query_params for name in ASKING)
        )

    async def render_graphql_ide(self, request: Request) -> Response:  # noqa: ARG002
        """The GraphiQL page."""
        assert self._ide is not None  # noqa: S101 - see `should_render_graphql_ide`
        return self._ide

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> Operations:
        """The operation, or a batch of them."""
        return await self._reader.read(cast("RequestAdapter", request))

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: Operations,
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        """Strawberry's, within the rate limits; a stream counts as a connection of its client."""
        count = len(request_data) if isinstance(request_data, list) else 1
        self.admission.check_rates(context, request.scope, count, counted=1)
        if not isinstance(request_data, list):
            await self._prefer_json(request, request_data)
        context.answers_once = isinstance(request_data, list) or request_data.protocol == "http"
        if isinstance(request_data, RequestedOperation) and request_data.refusal:
            return self.admission.refused(request_data.refusal)
        connections, client = self.admission.connections, context.client
        if not context.answers_once and (refusal := connections.refusal(client)):
            return self.admission.refused(refusal)
        result = await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )
        if isinstance(result, SubscriptionExecutionResult):
            stream = until_expiry(context.viewer, cast("AsyncGenerator[ExecutionResult]", result))
            return cast("SubscriptionExecutionResult", connections.counted(client, stream))
        return result

    async def _prefer_json(self, request: Request, operation: GraphQLRequestData) -> None:
        """Use the stream for subscriptions only, if JSON is acceptable too."""
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
        """Strawberry's, or the refusal of one operation of a batch."""
        if isinstance(request_data, RequestedOperation) and request_data.refusal:
            return self.admission.refused(request_data.refusal)
        return await super().execute_single(
            request, request_adapter, sub_response, context, root_value, request_data
        )

    async def _execute_on_connection(
        self, adapter: RequestAdapter, operations: Operations, context: Context
    ) -> Answers:
        """Begin an operation of the single-connection mode; its answers in JSON form."""
        request = adapter.request
        result = await self.execute_operation(
            request, adapter, operations, context, None, Response()
        )

        async def answers() -> Answers:
            if isinstance(result, ExecutionResult):
                yield await self.process_result(request, result)
                return
            async with aclosing(cast("AsyncGenerator[ExecutionResult]", result)) as results:
                async for each in results:
                    yield await self.process_result(request, each)

        return answers()

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        """The answer in JSON form; without `data` if nothing was executed."""
        if isinstance(result, SharedResult):
            return {"data": cast("Any", result.encoded_data)}
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and not any(e.path for e in result.errors):
            del answer["data"]
        return answer

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        """The response in the negotiated media type."""
        response = result_response(response_data, sub_response.media_type)
        response.headers.raw.extend(sub_response.headers.raw)
        return response

    async def _create_streaming_response(self, *args: Any, **given: Any) -> Response:
        """Strawberry's, as a stream that ends its operation."""
        stream = await super()._create_streaming_response(*args, **given)
        transport = self._get_stream_transport(given["protocol"])
        preamble = transport.preamble if isinstance(transport, PartTransport) else ""
        return EventStream(cast("StreamingResponse", stream), given["result"], preamble)

    def decode_json(self, data: str | bytes) -> object:
        """JSON by orjson, whose errors are `json.JSONDecodeError`s too."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON by orjson, as text, which WebSocket messages must be."""
        return orjson.dumps(data).decode()
