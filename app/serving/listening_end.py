"""How a socket stops to listen so that nobody is let in and then thrown out."""

import ctypes
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # Linux; Python has no name for it

# The kernel's filter language, on a TCP segment: drop it if of SYN and ACK it has SYN alone.
_DROP_FIRST_SEGMENTS: Final = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # unless it is SYN alone, skip the next
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
)


def let_nobody_in(listener: socket.socket) -> None:
    """Lets the kernel complete no more connections; those that it has can still be accepted.

    When a socket is closed, the kernel resets what nobody has accepted: its clients may have sent
    requests already. Who knocks from now on gets no answer, asks again after a second, and is
    refused if the socket has been closed by then: nothing has been sent, so it may go elsewhere.

    *Limits*: on Linux only; elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("=HBBI", *step) for step in _DROP_FIRST_SEGMENTS)
    buffer = ctypes.create_string_buffer(program)
    filter_ = struct.pack("@HP", len(_DROP_FIRST_SEGMENTS), ctypes.addressof(buffer))
    with suppress(OSError):  # some sandboxes have no filters
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
