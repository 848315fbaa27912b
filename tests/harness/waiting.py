"""Waiting for a condition, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.02


async def eventually(
    condition: Callable[[], Awaitable[bool]], *, timeout_seconds: float = 20
) -> None:
    """Returns once the condition holds. *Raises*: `TimeoutError`."""
    async with asyncio.timeout(timeout_seconds):
        while not await condition():
            await asyncio.sleep(POLL_SECONDS)
