"""A world that is running."""

from collections.abc import AsyncIterator

import pytest

from app.service import feeds as feeds_module
from tests.harness.fake_feeds import following
from tests.unit.feeds.world import REPLAY, World


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world whose hub follows its tail; feeds replay three changes at a time."""
    monkeypatch.setattr(feeds_module, "REPLAY_SIZE", REPLAY)
    world = World()
    async with following(world.hub, world.tail):
        yield world
