"""What one WebSocket may take, and the documents that its operations name by their hash."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    SubscribeMessage,
)

from app.api.codes import CloseCode, Code
from app.api.errors import CodedError, Refused
from app.api.operations.limits import beyond
from app.api.schema.context import Context
from app.api.sign_in.expiry import SENTENCE, seconds_left

if TYPE_CHECKING:  # the endpoint's class names the handler's
    from app.api.http.graphql_endpoint import GraphQLEndpoint

_NOT_SIGNED_IN = {
    Code.TOKEN_EXPIRED: CloseCode.TOKEN_EXPIRED,
    Code.AUTHENTICATION_UNAVAILABLE: CloseCode.TRY_AGAIN_LATER,
}

# A close frame has room for 123 bytes (RFC 6455, section 5.5); the sentences are ASCII.
MAX_REASON_LENGTH = 123


class BoundedWebSocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's handler of one connection, with our limits and errors."""

    _client: str | None = None
    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Future[None] | None = None

    @property
    def _endpoint(self) -> "GraphQLEndpoint":
        return cast("GraphQLEndpoint", self.view)

    async def handle(self) -> None:
        """Serves the connection to its end."""
        clients = self._endpoint.clients
        try:
            await clients.wait(self)
            await super().handle()
        finally:
            clients.wait_no_longer(self)
            if self._client is not None:
                clients.leave(self._client)
            if self._expiry is not None:
                self._expiry.cancel()

    async def turn_away(self) -> None:
        """Makes room for a connection that came later."""
        await self.websocket.close(
            CloseCode.INITIALISATION_TIMEOUT, "Too many connections say no hello"
        )

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Says hello. Now it is known who this is, so now the client's connections are counted."""
        clients = self._endpoint.clients
        clients.wait_no_longer(self)
        try:
            await super().handle_connection_init(message)
        except Refused as error:
            close_code = _NOT_SIGNED_IN.get(error.code, CloseCode.FORBIDDEN)
            await self._turn_down(close_code, error.code, error.reason)
        if not self.connection_acknowledged or self._client is not None:
            return
        client = self.context.client
        if refusal := clients.refusal(client):
            await self._turn_down(CloseCode.TOO_MANY, refusal.code, refusal.message)
        else:
            self._client = client
            clients.enter(client)
            self._end_with_token()

    async def _turn_down(self, close_code: CloseCode, code: Code, message: str) -> None:
        """Closes the connection of somebody who has said hello in vain, and says why."""
        self._endpoint.observers.refused(code)
        await self.websocket.close(close_code, f"{code}: {message}"[:MAX_REASON_LENGTH])

    def _end_with_token(self) -> None:
        """Closes the connection when its viewer's token expires."""
        left = seconds_left(self.context.viewer)
        if left is not None:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(left, self._begin_close)

    def _begin_close(self) -> None:
        closing = self.websocket.close(CloseCode.TOKEN_EXPIRED, SENTENCE)
        self._closing = asyncio.ensure_future(closing)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begins an operation, unless there are too many or nobody knows its document."""
        try:
            payload = cast("dict[str, Any]", message["payload"])
            if self.connection_acknowledged and message["id"] not in self.operations:
                self._check_operations()
                self._check_rates()
                payload["query"] = self._endpoint.documents.find(payload, self.context.client) or ""
        except CodedError as error:
            await self._refuse(message["id"], error)
        except Refused as error:
            await self._refuse(message["id"], CodedError(Code.BAD_REQUEST, error.reason))
        else:
            await super().handle_subscribe(message)

    def _check_operations(self) -> None:
        limit, found = self.max_subscriptions_per_connection, len(self.operations) + 1
        if limit is not None and found > limit:
            raise beyond(Code.TOO_MANY_SUBSCRIPTIONS, "operations on a connection", limit, found)

    def _check_rates(self) -> None:
        limits = self._endpoint.rate_limits
        scope = cast("ASGIWebSocketAdapter", self.websocket).ws.scope
        refusal = limits.refusal_of_user(self.context.viewer_id)
        if refusal := refusal or limits.refusal_of_address(scope):
            raise refusal

    async def _refuse(self, operation_id: str, error: CodedError) -> None:
        self._endpoint.observers.refused(error.code)
        await self.send_message({"id": operation_id, "type": "error", "payload": [error.formatted]})
