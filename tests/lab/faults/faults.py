"""Faults: each is injected into a lab, reports when service is due again, and is undone.

Service is owed again once there is a new primary, or the network or the server is there again. What
is interrupted is not mended: its lab is of no more use.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from tests.harness.replica_set import ELECTION_MILLISECONDS
from tests.lab.faults.lab import Lab

# Secondaries that hear nothing from the primary for so long elect another; less, and they only lag.
LAG_SECONDS = ELECTION_MILLISECONDS / 1000 / 2
# Must be more than the 10 seconds that the primary gives a secondary to catch up.
STEP_DOWN_SECONDS = 15
CALM_SECONDS = 3
# A cut lasts so much longer than a request may, so that requests made during it end during it.
LONGER_SECONDS = 1

Strike = Callable[[Lab], AbstractAsyncContextManager[float]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and its target. Its context gives the time from which the service must work again."""

    name: str
    sentence: str
    strike: Strike


@asynccontextmanager
async def calm(_: Lab) -> AsyncIterator[float]:
    await asyncio.sleep(CALM_SECONDS)
    yield monotonic()


@asynccontextmanager
async def kill_primary(lab: Lab) -> AsyncIterator[float]:
    """Kill the primary. The others have all that it acknowledged; it restarts and must agree."""
    killed = await lab.replica_set.kill_primary()
    yield monotonic()
    await killed.start()
    await lab.replica_set.wait_until_whole()


@asynccontextmanager
async def power_cut(lab: Lab) -> AsyncIterator[float]:
    """The primary has writes that no other node has, when all are killed; it comes back last.

    The others have to be killed too: a primary sends its writes unasked, so that those who are
    merely held up find them in their sockets afterwards.
    """
    primary = await lab.replica_set.primary()
    others = [node for node in lab.replica_set.nodes if node is not primary]
    async with lab.replica_set.frozen_secondaries():
        await asyncio.sleep(LAG_SECONDS)
        await asyncio.gather(*(node.kill() for node in lab.replica_set.nodes))
    await asyncio.gather(*(node.start() for node in others))
    await lab.replica_set.wait_until_replaced(primary)
    yield monotonic()
    await primary.start()
    await lab.replica_set.wait_until_whole()


@asynccontextmanager
async def pause_primary(lab: Lab) -> AsyncIterator[float]:
    """The paused primary continues as primary, with all its connections open."""
    primary = await lab.replica_set.primary()
    primary.signal(signal.SIGSTOP)
    await lab.replica_set.wait_until_replaced(primary)
    yield monotonic()
    primary.signal(signal.SIGCONT)
    await lab.replica_set.wait_until_whole()


@asynccontextmanager
async def step_down(lab: Lab) -> AsyncIterator[float]:
    """The primary hands over, as an operator would ask it to."""
    primary = await lab.replica_set.step_down(STEP_DOWN_SECONDS)
    await lab.replica_set.wait_until_replaced(primary)
    yield monotonic()
    await lab.replica_set.wait_until_whole()


@asynccontextmanager
async def restart_nodes(lab: Lab) -> AsyncIterator[float]:
    """Every node ends and starts again, one after another."""
    for node in lab.replica_set.nodes:
        await node.stop()
        await node.start()
        await lab.replica_set.wait_until_whole()
    yield monotonic()


@asynccontextmanager
async def kill_server(lab: Lab) -> AsyncIterator[float]:
    """Requests under way in it are neither finished nor answered."""
    server = lab.chance.choice(lab.servers)
    await server.kill()
    await server.start()
    yield monotonic()


@asynccontextmanager
async def cut_network(lab: Lab) -> AsyncIterator[float]:
    """Nothing passes for longer than a request may last; sent data arrives afterwards."""
    lab.network.cut()
    await asyncio.sleep(lab.request_seconds + LONGER_SECONDS)
    lab.network.heal()
    yield monotonic()


@asynccontextmanager
async def half_open_network(lab: Lab) -> AsyncIterator[float]:
    """Deliver the server's requests to MongoDB and drop the answers."""
    lab.network.half_open()
    await asyncio.sleep(lab.request_seconds + LONGER_SECONDS)
    lab.network.heal()
    yield monotonic()


CALM = Fault("calm", "nothing happens", calm)
POWER_CUT = Fault("power-cut", "kill -9 all nodes while the primary is ahead", power_cut)
FAULTS = (
    Fault("kill-primary", "kill -9 the primary", kill_primary),
    POWER_CUT,
    Fault("pause-primary", "pause the primary, and let it come back", pause_primary),
    Fault("step-down", "step the primary down", step_down),
    Fault("restart-nodes", "restart the nodes one after another", restart_nodes),
    Fault("kill-server", "kill -9 an API process", kill_server),
    Fault("cut-network", "cut an API process off from the database", cut_network),
    Fault("half-open", "let nothing come back to an API process", half_open_network),
)
BY_NAME = {fault.name: fault for fault in (CALM, *FAULTS)}
