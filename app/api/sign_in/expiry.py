"""Token expiry: streams and WebSockets end with the token that opened them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from strawberry.types import ExecutionResult

from app.api.codes import Code
from app.api.errors import CodedError
from app.domain.viewers import Viewer

SENTENCE = "The token has expired. Sign in again, and resume after the last change you saw."


def seconds_left(viewer: Viewer | None) -> float | None:
    """The seconds until the sign-in expires; None if it does not."""
    if viewer is None or viewer.expires_at is None:
        return None
    return max(0.0, (viewer.expires_at - datetime.now(UTC)).total_seconds())


async def until_expiry(
    viewer: Viewer | None, results: AsyncGenerator[ExecutionResult]
) -> AsyncGenerator[ExecutionResult]:
    """The results of a stream, ended by the error `TOKEN_EXPIRED` when the token expires."""
    left = seconds_left(viewer)
    loop = asyncio.get_running_loop()
    ends_at = None if left is None else loop.time() + left
    async with aclosing(results):
        while True:
            try:
                async with asyncio.timeout_at(ends_at):
                    result = await anext(results)
            except StopAsyncIteration:
                return
            except TimeoutError:
                yield ExecutionResult(data=None, errors=[CodedError(Code.TOKEN_EXPIRED, SENTENCE)])
                return
            yield result
