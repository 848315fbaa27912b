"""Who sends a request or opens a WebSocket, by its headers or by what it says hello with."""

import logging
import re
from collections.abc import Mapping
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

SIGN_IN_ADVICE = (
    "This server is in its development mode: send X-User-Id: sue (tokens are not looked at)."
)
ADMIN_ADVICE = (
    "This server is in its development mode: send X-User-Role: admin, in lower case (no other role "
    "gives rights, and tokens are not looked at)."
)

logger = logging.getLogger(__name__)


class Identity(Protocol):
    """Tells who asks."""

    async def viewer(self, connection: HTTPConnection, hello: Mapping[str, Any]) -> Viewer | None:
        """The viewer; None for nobody in particular.

        `hello` is the payload of a WebSocket's `connection_init`: what it says counts before the
        headers. *Raises*: `Refused`.
        """

    async def run(self) -> None:
        """Does what is to be done beside requests. One task owns and cancels it."""


class DevelopmentIdentity:
    """Believes what `X-User-Id` and `X-User-Role: admin` say.

    For a developer's own machine: it refuses whoever has reached it by another address, or by
    another name, as a page does that has its own name lead to this machine (DNS rebinding).
    """

    def __init__(self) -> None:
        self._log = LogOnce(logger)

    async def viewer(self, connection: HTTPConnection, hello: Mapping[str, Any]) -> Viewer | None:
        """See `Identity`."""
        if not is_loopback((connection.scope.get("server") or ("",))[0]):
            raise Refused(
                Code.BAD_REQUEST,
                "Without token settings this server is for loopback alone.",
                status=HTTPStatus.FORBIDDEN,
            )
        if not is_local_name(connection.headers.get("Host", "localhost")):
            raise Refused(
                Code.BAD_REQUEST,
                "Without token settings this server is called localhost only.",
                status=HTTPStatus.FORBIDDEN,
            )
        user_id = _said(USER_HEADER, connection, hello)
        if _said("Authorization", connection, hello):
            self._log.warn(
                "A token was ignored: without JWT_SECRET, JWT_KEY_FILE or JWT_JWKS_URL nothing can "
                "verify it, and X-User-Id says who asks."
            )
        if not user_id:
            return None
        if problem := check_id(USER_HEADER, user_id):
            raise Refused(Code.BAD_REQUEST, problem.message)
        role = _said(ROLE_HEADER, connection, hello)
        if role not in {"", ADMIN_ROLE}:
            self._log.warn("X-User-Role: %r gives no rights. The only role is 'admin'.", role)
        return Viewer(UserId(user_id), is_admin=role == ADMIN_ROLE)

    async def run(self) -> None:
        """See `Identity`: nothing."""


def _said(name: str, connection: HTTPConnection, hello: Mapping[str, Any]) -> str:
    """What was said under a name, in any case; empty for nothing."""
    for key, value in hello.items():
        if key.lower() == name.lower() and isinstance(value, str):
            return value
    return connection.headers.get(name, "")


_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::[0-9]+)?")


def is_local_name(host: str) -> bool:
    """Whether only this machine goes by what a `Host` header says; after RFC 6761, section 6.3."""
    named = _HOST.fullmatch(host.lower())
    if named is None:
        return False
    name = named[1] or named[2]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine alone; what is no address is no network's."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return True
