"""The network between one server and the nodes of its database: a TCP proxy before each node.

The driver goes where the members of a replica set say that they are, past any proxy. So the server
is started by `server_on_a_detour`, which looks each member's address up as that of its proxy.
"""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Self

from tests.harness.proxy import Proxy

DETOURS = "DETOURS"


class Network:
    def __init__(self, ports: Sequence[int]) -> None:
        self._proxies = {port: Proxy(port) for port in ports}
        self._open = AsyncExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a server whose connections pass through the proxies."""
        return {DETOURS: json.dumps({port: proxy.port for port, proxy in self._proxies.items()})}

    @property
    def connections(self) -> int:
        """The number of connections made through it so far."""
        return sum(proxy.connections for proxy in self._proxies.values())

    async def __aenter__(self) -> Self:
        for proxy in self._proxies.values():
            await self._open.enter_async_context(proxy)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def cut(self) -> None:
        """Nothing passes, in either direction."""
        for proxy in self._proxies.values():
            proxy.hold(outward=True)

    def half_open(self) -> None:
        """Pass the server's requests on and drop the answers."""
        for proxy in self._proxies.values():
            proxy.hold(outward=False)

    def heal(self) -> None:
        """Pass everything again, held data first."""
        for proxy in self._proxies.values():
            proxy.let_pass()
