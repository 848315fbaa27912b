"""A limit on the size of request bodies, checked before and during reading."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.codes import Code
from app.api.errors import refuse
from app.api.observation import Observers


class _BodyTooLarge(Exception):
    """Stops the reading of a body; private to this module."""


class _ClientGone(Exception):
    """The client disconnected before its request was complete."""


class BodyLimit:
    """ASGI middleware: 413 for a body of more than `max_bytes`, by `Content-Length` or when read.

    The rest of a body is not limited once the response has begun, since nothing reads it.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, observers: Observers) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, counting the bytes of the body."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_bytes:
            return await self._refuse(scope, receive, send)
        received, is_complete, is_answered = 0, False, False

        async def receive_within_limit() -> Message:
            nonlocal received, is_complete
            message = await receive()
            if message["type"] == "http.disconnect" and not is_complete:
                raise _ClientGone
            is_complete = is_complete or not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._max_bytes and not is_answered:
                raise _BodyTooLarge
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            return await self._app(scope, receive_within_limit, send_and_note)
        except _BodyTooLarge:
            return await self._refuse(scope, receive, send)
        except _ClientGone:
            return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"The request's body must be at most {self._max_bytes} bytes."
        self._observers.refused(Code.PAYLOAD_TOO_LARGE)
        await refuse(Code.PAYLOAD_TOO_LARGE, message)(scope, receive, send)
