"""Liveness and readiness endpoints, and the closing of connections while the server drains."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable

ReadinessCheck = Callable[[], Awaitable[None]]


async def healthz(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    """Liveness: always 200."""
    return JSONResponse({"status": "alive"})


def readyz(
    check_readiness: ReadinessCheck, is_draining: Callable[[], bool], timeout_seconds: float
) -> Callable[[Request], Awaitable[Response]]:
    """Readiness: 200 while the check passes; 503 with the reason if it fails, or in the drain."""

    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        if is_draining():
            return _not_ready("This server is shutting down: send new requests to another.")
        try:
            async with asyncio.timeout(timeout_seconds):
                await check_readiness()
        except (DatabaseUnavailable, TimeoutError):
            return _not_ready("The database does not answer.")
        except DatabaseUnsuitable as fault:
            return _not_ready(str(fault))
        return JSONResponse({"status": "ready"})

    return endpoint


def _not_ready(reason: str) -> Response:
    return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)


class CloseWhenDraining:
    """ASGI middleware that adds `Connection: close` to each response while the server drains.

    Otherwise a client might send a request on an idle connection just as the server closes it.
    """

    def __init__(self, app: ASGIApp, *, is_draining: Callable[[], bool]) -> None:
        self._app = app
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_draining():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_and_close)
