"""Liveness and readiness endpoints."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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
