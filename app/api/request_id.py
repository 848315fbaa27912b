"""The id of each HTTP request and WebSocket, for the log and the client."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = b"x-request-id"

_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._~+=:@/-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id")


def current_request_id() -> str:
    """The current request's id; outside of a request a new one."""
    return _current.get(None) or uuid4().hex


def given_request_id() -> str | None:
    """The current request's id; None outside of a request."""
    return _current.get(None)


def begin_request(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Set and return the id of a request with these headers."""
    request_id = _given(headers) or uuid4().hex
    _current.set(request_id)
    return request_id


class RequestId:
    """ASGI middleware: accepts a well-formed `X-Request-Id` or creates an id, and returns it.

    *Limits*: 128 characters out of letters, digits and `. _ ~ - + = : @ /`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with the request's id."""
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        request_id = begin_request(scope["headers"])

        async def send_with_id(message: Message) -> None:
            if message["type"] in {
                "http.response.start",
                "websocket.accept",
                "websocket.http.response.start",
            }:
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        return await self._app(scope, receive, send_with_id)


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == HEADER:
            return value.decode("ascii") if _WELL_FORMED.fullmatch(value) else None
    return None
