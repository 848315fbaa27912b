"""GraphQL over WebSocket: Strawberry's `graphql-transport-ws` with strict messages and our limits.

The protocol requires a close with 4400 for any malformed message
(https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). Strawberry sends it for invalid
JSON or a missing field; JSON of another shape would end the connection without a code.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, cast

import orjson
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    SubscribeMessage,
)
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.codes import CloseCode, Code
from app.api.errors import CodedError, Refused
from app.api.http.admission import Admission
from app.api.operations.limits import beyond
from app.api.schema.context import Context
from app.api.schema.shared_answers import SharedResult
from app.api.sign_in.expiry import SENTENCE, seconds_left

_NOT_SIGNED_IN = {
    Code.TOKEN_EXPIRED: CloseCode.TOKEN_EXPIRED,
    Code.AUTHENTICATION_UNAVAILABLE: CloseCode.TRY_AGAIN_LATER,
}

# A close frame holds 123 bytes of text (RFC 6455, section 5.5); the reasons are ASCII.
MAX_REASON_LENGTH = 123

# An extension of the ASGI scope: a coroutine function that sends a text, already encoded. A change
# to 1,000 subscribers passes 1,000 times through six middlewares otherwise.
SEND_TEXT: Final = "team_joiner.send_text"


class StrictWebSocketAdapter(ASGIWebSocketAdapter):
    """A WebSocket that yields well-formed messages only.

    It closes once. Sending or closing after that does nothing: a connection may end at any time.
    """

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """The messages, each an object whose members have their types."""
        assert not ignore_parsing_errors  # noqa: S101 - only Strawberry's older protocol does
        try:
            while self.ws.application_state is not WebSocketState.DISCONNECTED:
                yield _read(await self.ws.receive_text())
                # Many messages received at once must not block the event loop.
                await asyncio.sleep(0)
        except KeyError:
            raise NonTextMessageReceived from None
        except WebSocketDisconnect:
            pass

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message if the connection is still open."""
        if self._is_open:
            text = orjson.dumps(message)
            send_text = self.ws.scope["extensions"].get(SEND_TEXT)
            with suppress(OSError, WebSocketDisconnect):
                await (send_text(text) if send_text else self.ws.send_text(text.decode()))

    async def close(self, code: int, reason: str) -> None:
        """Close the connection if it is still open."""
        if self._is_open:
            with suppress(WebSocketDisconnect):
                await super().close(code, reason)

    @property
    def _is_open(self) -> bool:
        ended = WebSocketState.DISCONNECTED
        return self.ws.application_state is not ended and self.ws.client_state is not ended


def _read(text: str) -> object:
    """The message in a text. *Raises*: `NonJsonMessageReceived` if it is malformed."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        message = None
    if not _is_well_formed(message):
        raise NonJsonMessageReceived
    if message.get("payload", message) is None:
        del message["payload"]  # Strawberry treats null as malformed
    return message


def _is_well_formed(message: object) -> bool:
    match message:
        case {"type": "subscribe", "id": str(id), "payload": dict() as payload}:
            return (
                id != ""
                and _names_a_document(payload)
                and isinstance(payload.get("variables"), dict | None)
                and isinstance(payload.get("extensions"), dict | None)
                and isinstance(payload.get("operationName"), str | None)
            )
        case {"type": "complete", "id": str()}:
            return True
        case {"type": "connection_init" | "ping" | "pong", **rest}:
            return isinstance(rest.get("payload"), dict | None)
    return False


def _names_a_document(payload: dict[str, object]) -> bool:
    """True if there is a text or a reference, which `PersistedDocuments` resolves later."""
    if (query := payload.get("query")) is not None:
        return isinstance(query, str)
    return any(name in payload for name in ("documentId", "id", "extensions"))


class AdmittingView(Protocol):
    """The part of the endpoint that the handler uses."""

    admission: Admission


class BoundedWebSocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Strawberry's handler of one connection, with our limits and errors."""

    _client: str | None = None
    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Future[None] | None = None

    @property
    def _admission(self) -> Admission:
        return cast("AdmittingView", self.view).admission

    async def handle(self) -> None:
        """Serve the connection to its end."""
        connections = self._admission.connections
        try:
            await connections.add_pending(self)
            await super().handle()
        finally:
            connections.remove_pending(self)
            if self._client is not None:
                connections.leave(self._client)
            if self._expiry is not None:
                self._expiry.cancel()

    async def evict(self) -> None:
        """Close the connection in favour of a later one."""
        await self.websocket.close(
            CloseCode.INITIALISATION_TIMEOUT, "Too many connections await connection_init"
        )

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Sign in, then count the connection for its client, who is known only now."""
        connections = self._admission.connections
        connections.remove_pending(self)
        try:
            await super().handle_connection_init(message)
            self.connection_init_timeout_task = None  # has been cancelled
        except Refused as error:
            close_code = _NOT_SIGNED_IN.get(error.code, CloseCode.FORBIDDEN)
            await self._reject(close_code, error.code, error.reason)
        if not self.connection_acknowledged or self._client is not None:
            return
        client = self.context.client
        if refusal := connections.refusal(client):
            await self._reject(CloseCode.TOO_MANY, refusal.code, refusal.message)
        else:
            self._client = client
            connections.enter(client)
            self._end_with_token()

    async def _reject(self, close_code: CloseCode, code: Code, message: str) -> None:
        self._admission.observers.refused(code)
        await self.websocket.close(close_code, f"{code}: {message}"[:MAX_REASON_LENGTH])

    def _end_with_token(self) -> None:
        """Close the connection when its viewer's token expires."""
        left = seconds_left(self.context.viewer)
        if left is not None:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(left, self._begin_close)

    def _begin_close(self) -> None:
        reason = f"{Code.TOKEN_EXPIRED}: {SENTENCE}"
        closing = self.websocket.close(CloseCode.TOKEN_EXPIRED, reason)
        self._closing = asyncio.ensure_future(closing)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation if its document is found and the limits allow it."""
        try:
            payload = cast("dict[str, Any]", message["payload"])
            if self.connection_acknowledged and message["id"] not in self.operations:
                self._check_operations()
                scope = cast("ASGIWebSocketAdapter", self.websocket).ws.scope
                self._admission.check_rates(self.context, scope)
                document = self._admission.documents.find(payload, self.context.client)
                payload["query"] = document or ""
        except CodedError as error:
            await self._refuse(message["id"], error)
        except Refused as error:
            await self._refuse(message["id"], CodedError(Code.BAD_REQUEST, error.reason))
        else:
            await super().handle_subscribe(message)

    async def _send_result_stream(
        self, operation: Operation[Context, None], result_source: StreamResult
    ) -> None:
        """Send the results; those that subscribers share are encoded once."""
        async for result in result_source:
            if isinstance(result, PreExecutionError):
                return await self._handle_pre_execution_error(operation, result)
            if isinstance(result, SharedResult):
                await self.send_message(
                    {
                        "id": operation.id,
                        "type": "next",
                        "payload": cast("Any", {"data": result.encoded_data}),
                    }
                )
            else:
                await operation.send_next(cast("ExecutionResult", result))
        return None

    def _check_operations(self) -> None:
        limit, found = self.max_subscriptions_per_connection, len(self.operations) + 1
        if limit is not None and found > limit:
            raise beyond(Code.TOO_MANY_SUBSCRIPTIONS, "operations on a connection", limit, found)

    async def _refuse(self, operation_id: str, error: CodedError) -> None:
        self._admission.observers.refused(error.code)
        await self.send_message({"id": operation_id, "type": "error", "payload": [error.formatted]})
