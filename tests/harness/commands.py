"""Commands that tests run to their end."""

import asyncio
from asyncio.subprocess import Process


async def communicate(process: Process, *, timeout_seconds: float) -> tuple[bytes, bytes]:
    """What a process prints until it ends, on both of its outputs; it is ended in any case.

    *Raises*: `TimeoutError`.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output, errors or b""
