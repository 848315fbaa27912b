"""What a client is told of a bug, wherever in the application it shows: the last to see it."""

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import mask, refuse
from app.api.observation import Observers

INTERNAL_SERVER_ERROR = 500
WEBSOCKET_CLOSED = 4500
"""The protocol's close code for an error of the server's."""


class Masking:
    """ASGI middleware: a coded answer without details; the log gets them, once.

    A resolver's errors do not come here: they are masked in the answer to their operation. Where an
    answer has begun already, it is cut off.
    """

    def __init__(self, app: ASGIApp, *, observers: Observers) -> None:
        self._app = app
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as bug:
            if scope["type"] == "lifespan":
                raise
            masked = mask(bug)
            self._observers.refused(masked.code)
            if scope["type"] == "websocket":
                with suppress(OSError):  # it has ended meanwhile
                    await send({"type": "websocket.close", "code": WEBSOCKET_CLOSED})
            elif not has_begun:
                answer = refuse(
                    INTERNAL_SERVER_ERROR, masked.message, code=masked.code, facts=masked.facts
                )
                await answer(scope, receive, send)
