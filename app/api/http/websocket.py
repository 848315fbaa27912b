"""GraphQL over WebSocket: Strawberry's `graphql-transport-ws`, strict about what is a message.

A connection is closed once, and what is said after that is said to nobody: neither is an error.

The protocol asks for a close with 4400 on anything else
(https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). Strawberry does so for what is no
JSON, or lacks a field; JSON of another shape would end the connection without a code.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected


class StrictWebSocketAdapter(ASGIWebSocketAdapter):
    """A WebSocket on which only messages of the protocol's form arrive."""

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """Each message, an object whose parts have their types."""
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            if not _has_form(message):
                raise NonJsonMessageReceived
            if isinstance(message, dict) and message.get("payload", message) is None:
                del message["payload"]  # Strawberry knows only its absence
            yield message
            # Messages that have arrived together would keep everybody else waiting.
            await asyncio.sleep(0)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Sends it, unless the connection has ended meanwhile, as it may at any time."""
        if self._is_open:
            with suppress(WebSocketDisconnected):
                await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Closes the connection, unless it has ended or is about to for another reason."""
        if self._is_open:
            with suppress(WebSocketDisconnect):
                await super().close(code, reason)

    @property
    def _is_open(self) -> bool:
        states = {self.ws.application_state, self.ws.client_state}
        return WebSocketState.DISCONNECTED not in states


def _has_form(message: object) -> bool:
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
    """Whether there is a text, or what stands for one; which one is looked at elsewhere."""
    if (query := payload.get("query")) is not None:
        return isinstance(query, str)
    return any(name in payload for name in ("documentId", "id", "extensions"))
