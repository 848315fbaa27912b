"""The single-connection mode of `graphql-sse`: one event stream for all operations of a page.

A client reserves the stream (PUT), opens it (GET), sends operations, whose results arrive on it
(POST), and stops them (DELETE), each with the reservation's token:
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Reservations and streams are local
to this process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.http.streaming import merge_stream_with_heartbeat

from app.api.codes import Code
from app.api.errors import Refused
from app.api.http.admission import Admission
from app.api.http.event_stream import EventTransport
from app.api.http.http_request import ASKING, RequestedOperation, RequestReader
from app.api.operations.limits import Limits, beyond
from app.api.schema.context import Context
from app.domain.ids import UserId

TOKEN_HEADER = "X-GraphQL-Event-Stream-Token"  # noqa: S105 - a header's name

# Lifetime of a reservation before its stream is opened; clients open it at once.
RESERVATION_SECONDS = 30.0

MAX_OPERATION_ID_LENGTH = 128
MAX_QUEUED_EVENTS = 16

Answers = AsyncGenerator[dict[str, Any], None]


def _token_of(request: Request) -> str:
    """The reservation's token: from a header, or from the URL, as `EventSource` sends it."""
    if given := request.headers.get(TOKEN_HEADER):
        return given
    return request.query_params.get("token", "") if request.scope["query_string"] else ""


def uses_single_connection(request: Request) -> bool:
    """True if a request belongs to this mode: PUT, or a token and no document in its URL."""
    if request.method != "PUT" and (
        request.method not in {"GET", "POST", "DELETE"} or not _token_of(request)
    ):
        return False
    return not any(name in request.query_params for name in ASKING)


class Connection:
    """A stream, reserved or open, and its operations, each in a task that this owns."""

    def __init__(self, viewer_id: UserId | None, client: str, *, max_operations: int) -> None:
        self.viewer_id = viewer_id
        self.client = client
        self._max_operations = max_operations
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._has_ended = False
        self._events: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED_EVENTS)

    def check(self, operation_id: object) -> str:
        """The id of an operation that may begin. *Raises*: `Refused`, `CodedError`."""
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= (
            MAX_OPERATION_ID_LENGTH
        ):
            raise Refused(
                Code.BAD_REQUEST,
                "`extensions.operationId` must be a string of 1 to "
                f"{MAX_OPERATION_ID_LENGTH} characters.",
            )
        if operation_id in self._operations:
            raise Refused(
                Code.BAD_REQUEST,
                "An operation with this `operationId` is under way.",
                status=HTTPStatus.CONFLICT,
            )
        found = len(self._operations) + 1
        if found > self._max_operations:
            limit = self._max_operations
            raise beyond(Code.TOO_MANY_SUBSCRIPTIONS, "operations on a connection", limit, found)
        return operation_id

    def begin(self, operation_id: str, answers: Answers) -> None:
        """Send the answers of an operation, then `complete`. *Raises*: as `check`.

        Checked again: while the operation was read, the connection may have ended, or another
        operation begun with the same id.
        """
        if self._has_ended:
            raise _not_found()
        self.check(operation_id)

        async def send() -> None:
            async with aclosing(answers):
                async for answer in answers:
                    await self._put("next", {"id": operation_id, "payload": answer})
            await self._put("complete", {"id": operation_id})

        task = self._operations[operation_id] = asyncio.create_task(send())
        task.add_done_callback(lambda _: self._operations.pop(operation_id, None))

    def stop(self, operation_id: str) -> None:
        """Cancel an operation, if it is under way."""
        if task := self._operations.get(operation_id):
            task.cancel()

    async def events(self) -> AsyncGenerator[str, None]:
        """The events to send, without end."""
        while True:
            yield await self._events.get()

    async def end(self) -> None:
        """Cancel all operations, and refuse new ones."""
        self._has_ended = True
        tasks = [*self._operations.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _put(self, event: str, data: dict[str, object]) -> None:
        await self._events.put(_TRANSPORT.encode_event(event, orjson.dumps(data).decode()))


class Connections:
    """The connections of this process by token.

    *Limits*: each counts as a connection of its client from its reservation to its end. At most
    `max_waiting_connections` are reserved and not open, each for `RESERVATION_SECONDS`.
    """

    def __init__(self, admission: Admission, limits: Limits) -> None:
        self._counts = admission.connections
        self._limits = limits
        self._waiting: OrderedDict[str, Connection] = OrderedDict()
        self._open: dict[str, Connection] = {}

    def reserve(self, viewer_id: UserId | None, client: str) -> str:
        """The token of a new connection. *Raises*: `CodedError` if the client has too many."""
        if error := self._counts.refusal(client):
            raise error
        token = token_urlsafe(24)
        limit = self._limits.max_subscriptions_per_connection
        self._waiting[token] = Connection(viewer_id, client, max_operations=limit)
        self._counts.enter(client)
        if len(self._waiting) > self._limits.max_waiting_connections:
            self._give_up(next(iter(self._waiting)))
        asyncio.get_running_loop().call_later(RESERVATION_SECONDS, self._give_up, token)
        return token

    def find(self, token: str, viewer_id: UserId | None) -> Connection:
        """The open connection of that viewer. *Raises*: `Refused`."""
        found = self._open.get(token)
        if found is None or found.viewer_id != viewer_id:
            raise _not_found()
        return found

    def open(self, token: str) -> "ConnectionStream":
        """The stream of a reservation, opened once. *Raises*: `Refused`."""
        if token in self._open:
            raise Refused(
                Code.BAD_REQUEST, "The stream is already open.", status=HTTPStatus.CONFLICT
            )
        if (connection := self._waiting.pop(token, None)) is None:
            raise _not_found()
        self._open[token] = connection
        return ConnectionStream(connection, lambda: self._forget(self._open, token))

    def _give_up(self, token: str) -> None:
        if token in self._waiting:
            self._forget(self._waiting, token)

    def _forget(self, connections: dict[str, Connection], token: str) -> None:
        self._counts.leave(connections.pop(token).client)


class ConnectionStream(StreamingResponse):
    """The response that carries a connection's events; the connection ends with it."""

    def __init__(self, connection: Connection, forget: Callable[[], None]) -> None:
        body = merge_stream_with_heartbeat(
            connection.events,
            lambda: _TRANSPORT.encode_comment("ping"),
            interval=_TRANSPORT.heartbeat_interval,
            send_initial_heartbeat=True,
        )
        super().__init__(body(), headers=dict(_TRANSPORT.headers))
        self._connection = connection
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client disconnects, then cancel the operations."""
        events = cast("AsyncGenerator[str]", self.body_iterator)
        try:
            async with aclosing(events):
                await super().__call__(scope, receive, send)
        finally:
            self._forget()
            await self._connection.end()


class SingleConnectionRequests:
    """Answers the requests of this mode; `execute` is the endpoint's way to run an operation."""

    def __init__(
        self,
        admission: Admission,
        limits: Limits,
        reader: RequestReader,
        execute: Callable[[Request, RequestedOperation, Context], Awaitable[Answers]],
    ) -> None:
        self._admission = admission
        self._connections = Connections(admission, limits)
        self._reader = reader
        self._execute = execute

    async def answer(self, request: Request, context: Context) -> Response:
        """The response. *Raises*: `Refused`, `CodedError`."""
        token = _token_of(request)
        if request.method == "PUT":
            self._admission.check_rates(context, request.scope, counted=1)
            reserved = self._connections.reserve(context.viewer_id, context.client)
            return PlainTextResponse(reserved, HTTPStatus.CREATED)
        if request.method == "GET":
            return self._connections.open(token)
        connection = self._connections.find(token, context.viewer_id)
        if request.method == "DELETE":
            connection.stop(request.query_params.get("operationId", ""))
            return Response()
        operation = await self._reader.read(request, context.client, protocol="sse")
        assert isinstance(operation, RequestedOperation)  # noqa: S101 - batches are not streamed
        operation_id = connection.check(operation.extensions.get("operationId"))
        connection.begin(operation_id, await self._execute(request, operation, context))
        return Response(status_code=HTTPStatus.ACCEPTED)


def _not_found() -> Refused:
    return Refused(
        Code.BAD_REQUEST,
        "No stream of yours is open under this token. Reserve one and open it.",
        status=HTTPStatus.NOT_FOUND,
    )


_TRANSPORT = EventTransport()
