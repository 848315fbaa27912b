"""Pages of other origins: which may use the service, and what a browser lets the others do.

Who is asking stands in a header that a page must set, never in a cookie, and the body must be
`application/json`: both need the browser's preflight, which only allowed origins pass. WebSockets
know no preflight; the endpoint looks at their `Origin` itself.
"""

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

PREFLIGHT_SECONDS = 600


def cross_origin(allowed_origins: Sequence[str]) -> list[Middleware]:
    """CORS for these origins; for none, no header at all."""
    if not allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "X-Request-Id",
                "X-User-Id",
                "X-User-Role",
            ],
            expose_headers=["X-Request-Id", "Retry-After", "WWW-Authenticate"],
            max_age=PREFLIGHT_SECONDS,
        )
    ]
