"""One connection to a server: sends bytes, and reads HTTP or WebSocket messages."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httptools
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

# Longer than anything may take: requests end within 5 s.
PATIENCE_SECONDS = 15.0

# For what may never come: a feed's first event, the answers to a WebSocket's messages, and those to
# what is not whole.
QUIET_SECONDS = 0.25

STREAMS = ("text/event-stream", "multipart/mixed")

_GOODBYE = Frame(Opcode.CLOSE, (1000).to_bytes(2, "big"))


class NoAnswer(Exception):
    """The server neither answered nor ended the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, perhaps the beginning of one that never ends."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages of a WebSocket, and its close code; None if the connection was cut."""

    messages: list[bytes]
    close_code: int | None


async def ask(port: int, sent: bytes, *, is_whole: bool) -> list[Answer]:
    """The answers to bytes that may be HTTP, up to the first whole one or the connection's end.

    Of a stream that is its first part, if one comes soon. What is not whole need not be answered:
    the server may wait for the rest. *Raises*: `NoAnswer`; `ValueError` for what is no HTTP.
    """
    reading = _HttpReading()
    async with _connected(port) as (reader, writer):
        with suppress(ConnectionError):
            writer.write(sent)
            try:
                while not reading.is_done:
                    received = await _read(reader, PATIENCE_SECONDS if is_whole else QUIET_SECONDS)
                    if not received or not reading.take(received):
                        break
            except NoAnswer:
                if is_whole:
                    raise
            if reading.is_stream:
                with suppress(NoAnswer):
                    reading.take(await _read(reader, QUIET_SECONDS))
    return reading.answers()


async def converse(port: int, sent: bytes, *, is_whole: bool) -> Conversation:
    """The answers to bytes that may be frames, after a correct handshake.

    At its end we say goodbye. The server has to answer that if the frames were whole; if not, it
    may still wait for the rest of one. *Raises*: `NoAnswer`; `ValueError` for what is no WebSocket.
    """
    speaking = _WebSocketSpeaking(port)
    async with _connected(port) as (reader, writer):
        with suppress(ConnectionError):
            writer.write(speaking.greeting())
            while speaking.protocol.state is State.CONNECTING:
                writer.write(speaking.take(await _read(reader, PATIENCE_SECONDS)))
            writer.write(sent)
            with suppress(NoAnswer):
                while received := await _read(reader, QUIET_SECONDS):
                    writer.write(speaking.take(received))
            writer.write(_GOODBYE.serialize(mask=True))
            try:
                while received := await _read(reader, PATIENCE_SECONDS if is_whole else 0):
                    writer.write(speaking.take(received))
            except NoAnswer:
                if is_whole:
                    raise
    return speaking.conversation()


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _read(reader: StreamReader, seconds: float) -> bytes:
    """The next bytes; none at the end. *Raises*: `NoAnswer`."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(65_536)
    except TimeoutError:
        raise NoAnswer(f"Nothing came within {seconds} s.") from None


class _HttpReading:
    """Reads answers; its public methods that begin with `on_` are called by the parser."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._whole: list[Answer] = []
        self._headers: dict[str, str] | None = None
        self._body = b""

    def take(self, received: bytes) -> bool:
        """Reads on; False if no more of it is HTTP. *Raises*: `ValueError`."""
        try:
            self._parser.feed_data(received)
        except httptools.HttpParserUpgrade:
            return False
        except httptools.HttpParserError as error:
            raise ValueError(f"no HTTP: {error}: {received[:200]!r}") from error
        return True

    @property
    def is_stream(self) -> bool:
        """True if the response is an endless stream."""
        return (self._headers or {}).get("content-type", "").startswith(STREAMS)

    @property
    def is_done(self) -> bool:
        """True if no more answers are expected."""
        return bool(self._whole) or self.is_stream

    def answers(self) -> list[Answer]:
        """The answers; one that was begun counts, as those to HEAD and feeds are never whole."""
        begun = [] if self._headers is None else [self._answer()]
        return self._whole + begun

    def _answer(self) -> Answer:
        return Answer(self._parser.get_status_code(), self._headers or {}, self._body)

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, b""

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._headers is not None
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = self._answer()
        if answer.status >= 200:  # 100 only says to go on
            self._whole.append(answer)
        self._headers = None


class _WebSocketSpeaking:
    """One side of a WebSocket: keeps the messages, and sends the replies of the protocol."""

    def __init__(self, port: int) -> None:
        self.protocol = ClientProtocol(
            parse_uri(f"ws://127.0.0.1:{port}/graphql"),
            subprotocols=[Subprotocol("graphql-transport-ws")],
        )
        self._messages: list[bytes] = []

    def greeting(self) -> bytes:
        self.protocol.send_request(self.protocol.connect())
        return b"".join(self.protocol.data_to_send())

    def take(self, received: bytes) -> bytes:
        """The reply to a message. *Raises*: `ValueError`."""
        if not received:
            self.protocol.receive_eof()
        else:
            self.protocol.receive_data(received)
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._messages.append(bytes(event.data))
        problem = self.protocol.handshake_exc or self.protocol.parser_exc
        if problem is not None and not isinstance(problem, EOFError):
            raise ValueError(f"no WebSocket: {problem!r}")
        return b"".join(self.protocol.data_to_send())

    def conversation(self) -> Conversation:
        closed = self.protocol.close_rcvd
        return Conversation(self._messages, closed.code if closed else None)
