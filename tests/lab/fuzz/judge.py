"""The requirements of every answer: errors are coded and masked, and none is a bug."""

import json
from collections.abc import Generator, Iterator
from typing import Any, Final

from app.api.codes import CloseCode, Code
from tests.lab.fuzz.exchange import STREAMS, Answer, Conversation

# Faults that no client can cause, and that a client can do something about.
UNAVAILABLE: Final = frozenset(
    {Code.DATABASE_UNAVAILABLE, Code.CONTENTION, Code.AUTHENTICATION_UNAVAILABLE}
)

# Codes that must not occur in a run: bugs, the end of a server, lost indexes, and codes of settings
# that the servers do not have.
CODES: Final = frozenset(Code) - {
    Code.INTERNAL_SERVER_ERROR,
    Code.SERVER_ENDED,
    Code.DATABASE_UNSAFE,
    Code.DOCUMENT_NOT_TRUSTED,
    Code.SUBSCRIBER_TOO_SLOW,
}

# RFC 6455's that say what was wrong with the frames, and the protocol's for the messages. 1011,
# "internal error", and a connection that is cut are bugs.
CLOSE_CODES: Final = frozenset(
    {1000, 1001, 1002, 1003, 1005, 1007, 1009, 4400, 4401, 4403, 4408, 4409, 4429, 4440}
)

# What applications may close with, each with its own meaning (RFC 6455, section 7.4.2).
OF_APPLICATIONS: Final = range(3000, 5000)

# No answer tells of our code; what a client sent may come back, but never looks like this.
_LEAKS: Final = (
    b"Traceback (most",
    b'.py", line',
    b"site-packages",
    b"/app/",
    b"pymongo",
    b"motor.",
)

_SERVER_FAULT: Final = 500


def judge_answer(answer: Answer) -> Iterator[str]:
    """A sentence for each violation in an answer."""
    yield from _leaks(answer.body)
    media_type = answer.headers.get("content-type", "")
    codes: set[str] = set()
    if media_type.startswith(STREAMS):
        for part in _parts_of(answer.body):
            yield from _codes_in(part)
    elif "json" in media_type and answer.body:
        codes = yield from _codes_in(answer.body)
    if (
        answer.status >= _SERVER_FAULT
        and not codes & UNAVAILABLE
        and b"not ready" not in answer.body
    ):
        yield f"The status is {answer.status} with {answer.body[:300]!r}."


def judge_conversation(conversation: Conversation, *, is_whole: bool) -> Iterator[str]:
    """A sentence for each violation in a WebSocket's messages."""
    for message in conversation.messages:
        yield from _leaks(message)
        yield from _codes_in(message)
    code = conversation.close_code
    # Random frames may contain a close frame, whose code is sent back (RFC 6455, 5.5.1).
    theirs = code in OF_APPLICATIONS and code != CloseCode.INTERNAL_SERVER_ERROR
    is_given_back = theirs and not is_whole
    if code not in CLOSE_CODES and not is_given_back and (is_whole or code is not None):
        yield f"The WebSocket was {f'closed with {code}' if code else 'cut'}."


def _leaks(body: bytes) -> Iterator[str]:
    for leak in _LEAKS:
        if leak in body:
            yield f"{leak!r} comes to light in {body[:300]!r}."


def _parts_of(stream: bytes) -> Iterator[bytes]:
    """The JSON in the first events of a stream, or the first parts of a multipart answer."""
    for line in stream.splitlines():
        text = line.removeprefix(b"data:").strip()
        if text.startswith(b"{") and text.endswith(b"}"):
            yield text


def _codes_in(body: bytes) -> Generator[str, None, set[str]]:
    """The codes of all errors; yields what is wrong with those."""
    try:
        found = json.loads(body)
    except ValueError:
        yield f"No JSON: {body[:300]!r}."
        return set()
    errors = list(_errors_in(found))
    codes = {str((error.get("extensions") or {}).get("code")) for error in errors}
    for code in codes - CODES:
        yield f"An error has the code {code}: {body[:300]!r}."
    return codes


def _errors_in(found: Any) -> Iterator[dict[str, Any]]:
    """The errors in an answer, in those of a batch, in a message, or in a part of a stream."""
    match found:
        case list():
            for each in found:
                yield from _errors_in(each)
        case {"type": "error", "payload": [*errors]} | {"errors": [*errors]}:
            yield from errors
        case {"payload": dict() as payload}:
            yield from _errors_in(payload)
