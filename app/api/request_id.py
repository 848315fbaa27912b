"""The id of each HTTP request and WebSocket, for the log and the client."""

import random
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

HEADER: Final = b"x-request-id"

_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._~+=:@/-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id")


def current_request_id() -> str:
    """The current request's id; outside of a request a new one."""
    return _current.get(None) or _new_id()


def given_request_id() -> str | None:
    """The current request's id; None outside of a request."""
    return _current.get(None)


def begin_request(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Set and return the request's id: a well-formed `X-Request-Id`, or a new one.

    *Limits*: 128 characters out of letters, digits and `. _ ~ - + = : @ /`.
    """
    request_id = _given(headers) or _new_id()
    _current.set(request_id)
    return request_id


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == HEADER:
            return value.decode("ascii") if _WELL_FORMED.fullmatch(value) else None
    return None


def _new_id() -> str:
    """An id that is unique, not secret; `uuid4` would ask the operating system."""
    return f"{random.getrandbits(128):032x}"
