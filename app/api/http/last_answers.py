"""ASGI middleware that closes connections while the server drains."""

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LastAnswers:
    """Sends `Connection: close` with each answer while the server drains.

    So no client has an idle connection to send a request on at the moment when that is closed.
    """

    def __init__(self, app: ASGIApp, *, is_draining: Callable[[], bool]) -> None:
        self._app = app
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""

        async def send_as_last(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_draining():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_as_last)
