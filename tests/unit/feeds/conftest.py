"""A world that is running."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.service import feeds as feeds_module
from tests.unit.feeds.world import REPLAY, World


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world whose hub follows its tail; feeds replay three changes at a time."""
    monkeypatch.setattr(feeds_module, "REPLAY_SIZE", REPLAY)
    world = World()
    running = asyncio.create_task(world.hub.run(world.tail))
    await world.hub.is_following()
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
