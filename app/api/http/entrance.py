"""The entrance to the application, which every HTTP request and WebSocket passes first."""

from asyncio import CancelledError
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from app.api.codes import CloseCode, Code
from app.api.errors import mask, refuse
from app.api.http.cross_origin import CrossOrigin, Origins
from app.api.http.rate_limit import rate_limit_headers
from app.api.observation import Observers
from app.api.request_id import begin_request

SENTENCE: Final = (
    "The server shut down before it could answer. A change may or may not have been made: "
    "repeat it with the same requestId."
)

_STARTS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


class Entrance:
    """The application: `graphql` at /graphql, and `others` at all other paths.

    Gives each request its id, and each response the headers that all have: `X-Request-Id`, those of
    CORS and rate limits, and `Connection: close` while the server drains, since a client might
    otherwise send a request on an idle connection just as the server closes it.

    An error that nothing else has handled is answered by a code without details, which are logged
    once. A response that has begun already is aborted. Errors of resolvers are masked in the
    answers to their operations instead.
    """

    def __init__(
        self,
        graphql: ASGIApp,
        others: ASGIApp,
        *,
        origins: Origins,
        observers: Observers,
        is_draining: Callable[[], bool],
    ) -> None:
        self._graphql = graphql
        self._others = others
        self._cross_origin = CrossOrigin(origins)
        self._observers = observers
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, serve a WebSocket to its end, or run the application's lifespan."""
        if scope["type"] == "lifespan":
            return await self._others(scope, _until_cancelled(receive), send)
        is_http, has_begun = scope["type"] == "http", False
        added = [(b"x-request-id", begin_request(scope["headers"]).encode("ascii"))]
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            if message["type"] in _STARTS:
                rates = rate_limit_headers(scope)
                message["headers"] = [*message.get("headers", ()), *added, *rates]
                if is_http and self._is_draining():
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        app = self._graphql if scope["path"] == "/graphql" else self._others
        if is_http and origin is not None:
            headers = Headers(scope=scope)
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                app = self._cross_origin.preflight_response(headers)
            else:
                added += self._cross_origin.headers_for(origin)
        try:
            await app(scope, receive, send_with_headers)
        except (ClientDisconnect, ClientDisconnected):
            return None
        except CancelledError:
            # Only uvicorn cancels requests, at the end of the shutdown timeout. It would log a
            # traceback and respond without a code.
            if is_http and not has_begun:
                self._observers.refused(Code.SERVER_ENDED)
                await refuse(Code.SERVER_ENDED, SENTENCE)(scope, receive, send_with_headers)
        except Exception as bug:
            masked = mask(bug)
            self._observers.refused(masked.code)
            if not is_http:
                with suppress(OSError):  # the connection has ended
                    await send({"type": "websocket.close", "code": CloseCode.INTERNAL_SERVER_ERROR})
            elif not has_begun:
                answer = refuse(masked.code, masked.message, facts=masked.facts)
                await answer(scope, receive, send_with_headers)


def _until_cancelled(receive: Receive) -> Receive:
    """For the lifespan: a forced shutdown cancels it instead of sending `lifespan.shutdown`."""

    async def receive_or_shut_down() -> Message:
        try:
            return await receive()
        except CancelledError:
            return {"type": "lifespan.shutdown"}

    return receive_or_shut_down
