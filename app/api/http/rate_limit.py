"""Rate limits per user and per address, in each process."""

import math
from collections.abc import Sequence
from typing import Any, Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.api.buckets import BURST_SECONDS, Buckets
from app.api.codes import Code
from app.api.errors import CodedError
from app.api.schema.context import address_of

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})

_PEER: Final = "team_joiner.peer"
_COUNTED: Final = "team_joiner.counted"


class TrustedProxies:
    """ASGI middleware: the client's address from trusted proxies, besides the socket's peer."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(proxies)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        scope[_PEER] = scope.get("client")
        await self._app(scope, receive, send)


class RateLimits:
    """The limits of one process, per signed-in user and per address."""

    def __init__(self, *, per_user: int = 0, per_address: int = 0) -> None:
        self._users = Buckets(per_user)
        self._addresses = Buckets(per_address)

    def refusal_of_user(
        self, scope: Scope, user_id: str | None, count: int = 1
    ) -> CodedError | None:
        """Count the operations for the user; if they exceed the limit, only return the error."""
        return None if user_id is None else _take(scope, "user", self._users, user_id, count)

    def refusal_of_address(self, scope: Scope, count: int = 1) -> CodedError | None:
        """The same for the client's address, except for sockets connected from loopback.

        Those are local tools, or an untrusted proxy whose address all clients share. A loopback
        address in `X-Forwarded-For` is limited like any other, since clients can forge it.
        """
        client = scope.get("client")
        if client is None:
            return None
        if client[0] in _LOOPBACK and scope.get(_PEER, client) is client:
            return None
        return _take(scope, "address", self._addresses, address_of(client[0]), count)


def rate_limit_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """`RateLimit-Policy` and `RateLimit` of the limits that have counted the request.

    The fields are those of draft-ietf-httpapi-ratelimit-headers. `t` is the `Retry-After` of a
    refusal, else as in `Buckets.left`.
    """
    counted = scope.get(_COUNTED)
    if counted is None:
        return []
    policies, limits = [], []
    for name, (buckets, key, wait_seconds) in counted.items():
        left, seconds = buckets.left(key)
        policies.append(f'"{name}";q={buckets.capacity};w={BURST_SECONDS}')
        limits.append(f'"{name}";r={left};t={math.ceil(wait_seconds or seconds)}')
    return [
        (b"ratelimit-policy", ", ".join(policies).encode()),
        (b"ratelimit", ", ".join(limits).encode()),
    ]


def _take(scope: Scope, name: str, buckets: Buckets, key: str, count: int) -> CodedError | None:
    if buckets.capacity == 0:
        return None
    wait_seconds = buckets.take(key, count)
    scope.setdefault(_COUNTED, {})[name] = buckets, key, wait_seconds
    if wait_seconds == 0:
        return None
    seconds = math.ceil(wait_seconds)
    return CodedError(
        Code.RATE_LIMITED,
        f"Too many operations. Wait {seconds} s and send fewer per second.",
        retryAfterSeconds=seconds,
    )
