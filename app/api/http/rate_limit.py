"""How often one user and one address may ask, in each process."""

import math
from collections.abc import Sequence
from typing import Any, Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.api.buckets import Buckets
from app.api.codes import Code
from app.api.errors import CodedError, refuse
from app.api.observation import Observers
from app.api.schema.context import address_of

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})

_PEER: Final = "team_joiner.peer"


class TrustedProxies:
    """ASGI middleware: takes the client's address from trusted proxies, and keeps the socket's."""

    def __init__(self, app: ASGIApp, *, proxies: Sequence[str]) -> None:
        self._app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), list(proxies)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        scope[_PEER] = scope.get("client")
        await self._app(scope, receive, send)


class RateLimits:
    """The limits of one process: per user who is signed in, and per address."""

    def __init__(self, *, per_user: int = 0, per_address: int = 0) -> None:
        self._users = Buckets(per_user)
        self._addresses = Buckets(per_address)

    def refusal_of_user(self, user_id: str | None, count: int = 1) -> CodedError | None:
        """Why the user must wait; None, having counted the operations, when not."""
        return None if user_id is None else _refusal(self._users.take(user_id, count))

    def refusal_of_address(self, scope: Scope, count: int = 1) -> CodedError | None:
        """The same for the client's address, unless its socket is connected from loopback.

        From there come tools of this machine, and a proxy that nobody has said to trust, whose
        address is everyone's. A loopback address in `X-Forwarded-For` is limited like any other:
        clients can write it there.
        """
        client = scope.get("client")
        if client is None:
            return None
        if client[0] in _LOOPBACK and scope.get(_PEER, client) is client:
            return None
        return _refusal(self._addresses.take(address_of(client[0]), count))


def _refusal(wait_seconds: float) -> CodedError | None:
    if wait_seconds == 0:
        return None
    seconds = math.ceil(wait_seconds)
    return CodedError(
        Code.RATE_LIMITED,
        f"Too many operations came from you. Wait {seconds} s and go on more slowly.",
        retryAfterSeconds=seconds,
    )


class RateLimit:
    """ASGI middleware: 429 for an address that asks too often, before anything is read of it."""

    def __init__(
        self, app: ASGIApp, *, path: str, limits: RateLimits, observers: Observers
    ) -> None:
        self._app = app
        self._path = path
        self._limits = limits
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on. What asks about our health is not counted."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] != self._path:
            return await self._app(scope, receive, send)
        error = self._limits.refusal_of_address(scope)
        if error is None:
            return await self._app(scope, receive, send)
        self._observers.refused(Code.RATE_LIMITED)
        response = refuse(error.code, error.message, facts=error.facts)
        return await response(scope, receive, send)
