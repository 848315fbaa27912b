"""The kinds of attack: each draws a few probes, which are sent at the same time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.lab.fuzz.documents import operations, operations_with_variables
from tests.lab.fuzz.http_probes import askings, broken_requests, odd_requests
from tests.lab.fuzz.probes import SERVERS, Probe, Transport, viewers
from tests.lab.fuzz.values import Known
from tests.lab.fuzz.websocket_probes import broken_conversations, conversations

MAX_PROBES: Final = 20

Probes = Sequence[Probe]
"""What one example sends."""


def asked_operations(schema_text: str, known: Known) -> SearchStrategy[Probes]:
    """One operation, sent by several viewers in several ways."""
    asked_by = viewers(known.user_ids)
    return operations(schema_text, known).flatmap(
        lambda operation: st.lists(askings(operation, asked_by), min_size=4, max_size=MAX_PROBES)
    )


def racing_operations(schema_text: str, known: Known) -> SearchStrategy[Probes]:
    """Several operations at once, most of them changes."""
    asked_by = viewers(known.user_ids)
    asked = operations_with_variables(schema_text, known)
    return st.lists(
        asked.flatmap(lambda operation: askings(operation, asked_by)),
        min_size=1,
        max_size=MAX_PROBES,
    )


def requests(_: str, known: Known) -> SearchStrategy[Probes]:
    """Odd requests that are correct HTTP."""
    return _sent(Transport.HTTP, odd_requests(viewers(known.user_ids)), are_whole=True)


def request_bytes(_: str, known: Known) -> SearchStrategy[Probes]:
    """Raw bytes instead of requests."""
    return _sent(Transport.HTTP, broken_requests(viewers(known.user_ids)), are_whole=False)


def messages(schema_text: str, known: Known) -> SearchStrategy[Probes]:
    """Odd messages over WebSockets."""
    said = conversations(operations(schema_text, known), viewers(known.user_ids))
    return _sent(Transport.WEBSOCKET, said, are_whole=True)


def frame_bytes(schema_text: str, known: Known) -> SearchStrategy[Probes]:
    """Raw bytes instead of WebSocket frames."""
    asked = operations_with_variables(schema_text, known)
    said = broken_conversations(asked, viewers(known.user_ids))
    return _sent(Transport.WEBSOCKET, said, are_whole=False)


def _sent(
    transport: Transport, bytes_: SearchStrategy[bytes], *, are_whole: bool
) -> SearchStrategy[Probes]:
    probe = st.builds(
        Probe, st.integers(0, SERVERS - 1), st.just(transport), bytes_, st.just(are_whole)
    )
    return st.lists(probe, min_size=8, max_size=2 * MAX_PROBES)


ATTACKS: Final[Mapping[str, Callable[[str, Known], SearchStrategy[Probes]]]] = {
    "operations": asked_operations,
    "races": racing_operations,
    "requests": requests,
    "request-bytes": request_bytes,
    "messages": messages,
    "frame-bytes": frame_bytes,
}
