"""The viewer of a request or WebSocket, by headers or by the `connection_init` payload."""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from app.api.codes import Code
from app.api.errors import Refused
from app.api.log_once import LogOnce
from app.domain.ids import UserId
from app.domain.validation import check_id
from app.domain.viewers import Viewer

USER_HEADER, ROLE_HEADER = "X-User-Id", "X-User-Role"
ADMIN_ROLE = "admin"

SIGN_IN_ADVICE = "This server is in development mode: send X-User-Id: sue (tokens are ignored)."
ADMIN_ADVICE = (
    "This server is in development mode: send X-User-Role: admin, in lower case (no other role "
    "gives rights, and tokens are ignored)."
)

logger = logging.getLogger(__name__)


class Identity(Protocol):
    """The way to sign in."""

    async def viewer(
        self, connection: HTTPConnection, init_payload: Mapping[str, Any]
    ) -> Viewer | None:
        """The viewer; None if anonymous. *Raises*: `Refused`.

        `init_payload` is that of a WebSocket's `connection_init`; it takes precedence over headers.
        """

    async def run(self) -> None:
        """Run background work until cancelled by the one task that owns it."""


class DevelopmentIdentity:
    """Trusts `X-User-Id` and `X-User-Role: admin`.

    For a developer's own machine: it refuses connections to any address but loopback, and to any
    host name but localhost, which stops DNS rebinding.
    """

    def __init__(self) -> None:
        self._log = LogOnce(logger)

    async def viewer(
        self, connection: HTTPConnection, init_payload: Mapping[str, Any]
    ) -> Viewer | None:
        """The user that the headers name."""
        if not is_loopback((connection.scope.get("server") or ("",))[0]):
            raise Refused(
                Code.BAD_REQUEST,
                "Without token settings this server accepts loopback connections only.",
                status=HTTPStatus.FORBIDDEN,
            )
        if not is_local_name(connection.headers.get("Host", "localhost")):
            raise Refused(
                Code.BAD_REQUEST,
                "Without token settings this server accepts the host name localhost only.",
                status=HTTPStatus.FORBIDDEN,
            )
        user_id = _value(USER_HEADER, connection, init_payload)
        if _value("Authorization", connection, init_payload):
            self._log.warn(
                "A token was ignored: without JWT_SECRET, JWT_KEY_FILE or JWT_JWKS_URL it can't be "
                "verified, and X-User-Id names the viewer."
            )
        if not user_id:
            return None
        if problem := check_id(USER_HEADER, user_id):
            raise Refused(Code.BAD_REQUEST, problem.message)
        role = _value(ROLE_HEADER, connection, init_payload)
        if role not in {"", ADMIN_ROLE}:
            self._log.warn("X-User-Role: %r gives no rights. The only role is 'admin'.", role)
        return Viewer(UserId(user_id), is_admin=role == ADMIN_ROLE)

    async def run(self) -> None:
        """Do nothing."""


def _value(name: str, connection: HTTPConnection, init_payload: Mapping[str, Any]) -> str:
    """The value under a name, ignoring case; empty if there is none."""
    for key, value in init_payload.items():
        if key.lower() == name.lower() and isinstance(value, str):
            return value
    return connection.headers.get(name, "")


_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]+)?")


@lru_cache(maxsize=8)
def is_local_name(host: str) -> bool:
    """True if a `Host` header names this machine only (RFC 6761, section 6.3)."""
    named = _HOST.fullmatch(host.lower())
    if named is None:
        return False
    name = named[1] or named[2]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


@lru_cache(maxsize=8)
def is_loopback(host: str) -> bool:
    """True if an address is loopback; a Unix socket's path counts as such."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return True
