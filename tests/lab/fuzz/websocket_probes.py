"""WebSocket frames: the protocol's messages with anything in them, and broken bytes."""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from websockets.frames import Frame, Opcode

from tests.lab.fuzz.documents import Operation
from tests.lab.fuzz.edits import edited
from tests.lab.fuzz.http_probes import as_json
from tests.lab.fuzz.probes import Headers
from tests.lab.fuzz.values import JSON_VALUES, TEXTS, mostly

TYPES: Final = (
    *("connection_init", "subscribe", "complete", "ping", "pong"),
    *("connection_ack", "next", "error", "start", "stop", "connection_terminate"),
)
IDS: Final = ("1", "2", "3", "", "\0", "x" * 1_000)
PIECES: Final = (
    b"\x81\xff" + b"\x7f" * 8,
    b"\x88\x00",
    b"\x89\xfe\xff\xff",
    b"\xff",
    b"\x01\x80",
    b"\0",
)

# The number of `connection_init`s: mostly one, since without it little else is answered.
_HELLOS: Final = mostly(st.just(1), st.sampled_from((0, 2)))

_ANYTHING: Final = st.fixed_dictionaries(
    {},
    optional={
        "type": mostly(st.sampled_from(TYPES), JSON_VALUES),
        "id": mostly(st.sampled_from(IDS), JSON_VALUES),
        "payload": JSON_VALUES,
    },
)


def frames_of(messages: list[Any]) -> bytes:
    """A text frame for each message, as JSON."""
    return b"".join(_frame(Opcode.TEXT, as_json(message)) for message in messages)


def _frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


# Correct frames that the protocol does not use.
_ODD_FRAMES: Final = st.one_of(
    st.builds(_frame, st.just(Opcode.BINARY), st.binary(max_size=50)),
    st.builds(_frame, st.just(Opcode.TEXT), st.binary(max_size=50)),
    st.builds(_frame, st.just(Opcode.PING), st.binary(max_size=125)),
    st.builds(_frame, st.just(Opcode.TEXT), TEXTS.map(as_json)),
    st.sampled_from((_frame(Opcode.TEXT, b"[" * 50_000), _frame(Opcode.CLOSE, b"\x03\xe8bye"))),
)


@st.composite
def conversations(
    draw: DrawFn, operations: SearchStrategy[Operation], viewers: SearchStrategy[Headers]
) -> bytes:
    """A client that sends `connection_init`, then a few valid or invalid messages."""
    messages = [{"type": "connection_init", "payload": draw(viewers)}] * draw(_HELLOS)
    asking = st.builds(_subscribe, st.sampled_from(IDS[:3]), operations)
    messages += draw(st.lists(asking | _ANYTHING | JSON_VALUES, min_size=1, max_size=5))
    return frames_of(messages) + draw(st.just(b"") | _ODD_FRAMES)


def _subscribe(operation_id: str, operation: Operation) -> dict[str, Any]:
    payload = {"query": operation.document, "variables": operation.variables}
    return {"type": "subscribe", "id": operation_id, "payload": payload}


def broken_conversations(
    operations: SearchStrategy[Operation], viewers: SearchStrategy[Headers]
) -> SearchStrategy[bytes]:
    """Bytes instead of frames, mostly frames with edits."""
    whole = conversations(operations, viewers)
    pieces = st.sampled_from(PIECES) | st.binary(max_size=20)
    return mostly(edited(whole, pieces), st.binary(max_size=300))
