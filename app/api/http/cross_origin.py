"""CORS: the origins whose pages may use the service.

Credentials are in headers, never in a cookie, and the body must be `application/json`: both require
a preflight, which only allowed origins pass. WebSockets have no preflight; the endpoint checks
their `Origin` itself.
"""

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.http.single_connection import TOKEN_HEADER
from app.api.log_once import LogOnce
from app.api.sign_in.identity import is_local_name

logger = logging.getLogger(__name__)

PREFLIGHT_SECONDS = 600


class Origins:
    """The allowed origins. Each refused one is logged once."""

    def __init__(self, allowed: Sequence[str], *, loopback: bool) -> None:
        self._allowed = frozenset(allowed)
        self._loopback = loopback
        self._log = LogOnce(logger)

    def allows(self, origin: str) -> bool:
        """True if pages of this origin may use the service."""
        return origin in self._allowed or (self._loopback and _is_loopback(origin))

    def log_refused(self, origin: str) -> None:
        """Log how to allow this origin."""
        self._log.warn(
            "A page of the origin %r was refused. To allow it, add the origin to "
            "--allowed-origins (ALLOWED_ORIGINS).",
            origin,
        )


class CrossOrigin(CORSMiddleware):
    """The CORS headers of responses, and Starlette's responses to preflights, for our `Origins`."""

    def __init__(self, origins: Origins) -> None:
        super().__init__(
            _no_application,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                TOKEN_HEADER,
                "X-Include-Cost",
                "X-Request-Id",
                "X-User-Id",
                "X-User-Role",
            ],
            expose_headers=[
                *("X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After"),
                "WWW-Authenticate",
            ],
            max_age=PREFLIGHT_SECONDS,
        )
        self._origins = origins
        self._exposing = [(k.lower().encode(), v.encode()) for k, v in self.simple_headers.items()]

    def is_allowed_origin(self, origin: str) -> bool:
        """True if a page of this origin may read responses."""
        return self._origins.allows(origin)

    def headers_for(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """The headers of a response to a page of this origin."""
        if not self._origins.allows(origin.decode("latin-1")):
            return self._exposing
        return [*self._exposing, (b"access-control-allow-origin", origin), (b"vary", b"Origin")]

    def preflight_response(self, request_headers: Headers) -> Response:
        """Starlette's, which logs a refusal too; pages of our own origin send no preflight."""
        if not self._origins.allows(origin := request_headers["origin"]):
            self._origins.log_refused(origin)
        return super().preflight_response(request_headers)


async def _no_application(scope: Scope, receive: Receive, send: Send) -> None:
    """CORSMiddleware needs one; it is never called."""


def _is_loopback(origin: str) -> bool:
    """True if an origin is on this machine, on any port."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    is_origin = parts.scheme in {"http", "https"} and origin == f"{parts.scheme}://{parts.netloc}"
    return is_origin and is_local_name(parts.netloc)
