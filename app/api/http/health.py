"""What a supervisor and a load balancer ask: does the process live, may it get traffic."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.domain.faults import DatabaseUnavailable, DatabaseUnsuitable

ReadinessCheck = Callable[[], Awaitable[None]]


async def healthz(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "alive"})


def readyz(
    check_readiness: ReadinessCheck, is_draining: Callable[[], bool], timeout_seconds: float
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that answers 200 while the check passes, else 503 with what is missing.

    During the drain it answers 503, whatever the check says.
    """

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
