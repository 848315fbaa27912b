"""What a client is told of a bug, wherever in the application it shows: the last to see it."""

from asyncio import CancelledError
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from app.api.codes import CloseCode, Code
from app.api.errors import mask, refuse
from app.api.observation import Observers

SENTENCE = (
    "The server ended before it could answer. A change may or may not have been made: "
    "send it again with the same requestId."
)


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
            return None  # there is nobody to tell
        except CancelledError:
            # The server ends and has waited for long enough. It would log a traceback, and answer
            # without a code; nobody else cancels what stands here.
            if scope["type"] == "http" and not has_begun:
                self._observers.refused(Code.SERVER_ENDED)
                answer = refuse(Code.SERVER_ENDED, SENTENCE)
                await answer(scope, receive, send)
        except Exception as bug:
            masked = mask(bug)
            self._observers.refused(masked.code)
            if scope["type"] == "websocket":
                with suppress(OSError):  # it has ended meanwhile
                    await send({"type": "websocket.close", "code": CloseCode.INTERNAL_SERVER_ERROR})
            elif not has_begun:
                answer = refuse(masked.code, masked.message, facts=masked.facts)
                await answer(scope, receive, send)


def _until_cancelled(receive: Receive) -> Receive:
    """For the lifespan of a server that is in a hurry: it is cancelled instead of being told."""

    async def receive_or_shut_down() -> Message:
        try:
            return await receive()
        except CancelledError:
            return {"type": "lifespan.shutdown"}

    return receive_or_shut_down
