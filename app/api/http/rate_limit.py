"""How often one user and one address may ask: token buckets, in each process its own.

A bucket holds ten seconds' worth of operations and is filled up at the rate that is allowed. What
is full need not be kept, so memory is bounded: the buckets not used for longest go first.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.codes import Code
from app.api.errors import CodedError, refuse
from app.api.http.clients import address_of
from app.api.monitoring.observation import Observers

BURST_SECONDS: Final = 10
MAX_BUCKETS: Final = 50_000
"""Of a process, in each of its two sets. A bucket takes some 250 bytes."""


_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


class Buckets:
    """A bucket for each key. *Limits*: `per_second` operations, 0 for no limit; `MAX_BUCKETS`."""

    def __init__(self, per_second: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, count: int = 1) -> float:
        """Takes so many operations out; else the seconds after which they would be there.

        0 means that they were taken. What is refused takes nothing.
        """
        if self._per_second == 0 or count == 0:
            return 0
        most, now = self._per_second * BURST_SECONDS, self._now()
        level, filled_at = self._buckets.pop(key, (most, now))
        level = min(most, level + (now - filled_at) * self._per_second)
        # What would never fit is let through when the bucket is full, and leaves a debt.
        missing = min(count, most) - level
        if missing <= 0:
            level -= count
        self._buckets[key] = (level, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return max(0.0, missing / self._per_second)


class RateLimits:
    """The limits of one process: per user who is signed in, and per address."""

    def __init__(self, *, per_user: int = 0, per_address: int = 0) -> None:
        self._users = Buckets(per_user)
        self._addresses = Buckets(per_address)

    def refusal_of_user(self, user_id: str | None, count: int = 1) -> CodedError | None:
        """Why the user must wait; None, having counted the operations, when not."""
        return None if user_id is None else _refusal(self._users.take(user_id, count))

    def refusal_of_address(
        self, client: tuple[str, int] | None, count: int = 1
    ) -> CodedError | None:
        """The same for a peer's address, but for loopback's.

        From there come tools of this machine, and a proxy that nobody has said to trust, whose
        address is everyone's.
        """
        if client is None or client[0] in _LOOPBACK:
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
        error = self._limits.refusal_of_address(scope.get("client"))
        if error is None:
            return await self._app(scope, receive, send)
        self._observers.refused(Code.RATE_LIMITED)
        response = refuse(error.code, error.message, facts=error.facts)
        return await response(scope, receive, send)
