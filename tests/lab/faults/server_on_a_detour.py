"""`python -m tests.lab.faults.server_on_a_detour serve`: the service, behind a `Network`.

The service itself is as it is; only the look-up of addresses answers other ports to it.
"""

import json
import os
import socket
from typing import Any

from app.main import main
from tests.lab.faults.network import DETOURS

detours: dict[str, int] = json.loads(os.environ[DETOURS])
look_up = socket.getaddrinfo


def look_up_detour(host: Any, port: Any, *args: Any, **options: Any) -> Any:
    """`socket.getaddrinfo`, with the port of the proxy in place of the node's."""
    return look_up(host, detours.get(str(port), port), *args, **options)


socket.getaddrinfo = look_up_detour
main()
