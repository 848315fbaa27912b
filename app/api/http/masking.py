"""Masking of unexpected errors that no other part of the application has handled."""

from asyncio import CancelledError
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from app.api.codes import CloseCode, Code
from app.api.errors import mask, refuse
from app.api.observation import Observers

SENTENCE = (
    "The server shut down before it could answer. A change may or may not have been made: "
    "repeat it with the same requestId."
)


class Masking:
    """ASGI middleware: a coded response without details, which are logged once.

    Errors of resolvers are masked in the answers to their operations instead. A response that has
    begun already is aborted.
    """

    def __init__(self, app: ASGIApp, *, observers: Observers) -> None:
        self._app = app
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        if scope["type"] == "lifespan":
            return await self._app(scope, _until_cancelled(receive), send)
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnected:
            return None
        except CancelledError:
            # Only uvicorn cancels requests, at the end of the shutdown timeout. It would log a
            # traceback and respond without a code.
            if scope["type"] == "http" and not has_begun:
                self._observers.refused(Code.SERVER_ENDED)
                answer = refuse(Code.SERVER_ENDED, SENTENCE)
                await answer(scope, receive, send)
        except Exception as bug:
            masked = mask(bug)
            self._observers.refused(masked.code)
            if scope["type"] == "websocket":
                with suppress(OSError):  # the connection has ended
                    await send({"type": "websocket.close", "code": CloseCode.INTERNAL_SERVER_ERROR})
            elif not has_begun:
                answer = refuse(masked.code, masked.message, facts=masked.facts)
                await answer(scope, receive, send)


def _until_cancelled(receive: Receive) -> Receive:
    """For the lifespan: a forced shutdown cancels it instead of sending `lifespan.shutdown`."""

    async def receive_or_shut_down() -> Message:
        try:
            return await receive()
        except CancelledError:
            return {"type": "lifespan.shutdown"}

    return receive_or_shut_down
