"""Reads that wait for each other in this process share the next one.

Reading one document takes the driver more processor time than the rest of the request, and a page
that many clients request at once would be read and decoded for each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextvars import Context, copy_context
from typing import Generic, TypeVar

IdT = TypeVar("IdT", bound=Hashable)
OptionsT = TypeVar("OptionsT", bound=Hashable)
FoundT = TypeVar("FoundT")

# Ids that would make a read larger are read by themselves.
MAX_SHARED_IDS = 100

# The next read begins after this time: the one before may be on a dead connection.
PATIENCE_SECONDS = 0.1


class _Waiting(Generic[IdT, FoundT]):
    """The ids of the next read, and the future of its result."""

    def __init__(self) -> None:
        self.ids: set[IdT] = set()
        self.found: asyncio.Future[Mapping[IdT, FoundT]] = (
            asyncio.get_running_loop().create_future()
        )
        self.context: Context | None = None


class SharedReads(Generic[IdT, OptionsT, FoundT]):
    """Reads by id, one at a time for the same options.

    An id that is requested while a read is under way waits for the next read, which serves all that
    wait. It begins after the last of their requests, so no result is older than that of a separate
    read. While no read is under way, an id is read at once.

    *Limits*: `MAX_SHARED_IDS` in a read, which begins after `PATIENCE_SECONDS` at the latest.
    *Raises*: the exception of the read, in all that share it.
    *Cancellation*: one that waits can be cancelled without effect on the others.
    """

    def __init__(
        self, find: Callable[[Collection[IdT], OptionsT], Awaitable[Mapping[IdT, FoundT]]]
    ) -> None:
        self._find = find
        self._waiting: dict[OptionsT, _Waiting[IdT, FoundT]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, ids: Collection[IdT], options: OptionsT) -> Mapping[IdT, FoundT]:
        """The results by id, without those that do not exist."""
        waiting = self._waiting.get(options)
        if waiting is None:
            return await self._read(ids, options, self._begin(options))
        if len(waiting.ids) + len(ids) > MAX_SHARED_IDS:
            return await self._find(ids, options)
        waiting.ids.update(ids)
        waiting.context = waiting.context or copy_context()
        found = await asyncio.shield(waiting.found)
        return {id_: found[id_] for id_ in ids if id_ in found}

    def _begin(self, options: OptionsT) -> _Waiting[IdT, FoundT]:
        waiting = self._waiting[options] = _Waiting()
        return waiting

    async def _read(
        self, ids: Collection[IdT], options: OptionsT, following: _Waiting[IdT, FoundT]
    ) -> Mapping[IdT, FoundT]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(PATIENCE_SECONDS, self._go_on, options, following)
        try:
            return await self._find(ids, options)
        finally:
            timer.cancel()
            self._go_on(options, following)

    def _go_on(self, options: OptionsT, waiting: _Waiting[IdT, FoundT]) -> None:
        if self._waiting.get(options) is not waiting:
            return  # its read has begun already
        if not waiting.ids:
            del self._waiting[options]
            return
        # Traced as part of the first request that waits, which can be cancelled without the task.
        task = asyncio.get_running_loop().create_task(
            self._read_for(waiting, options, self._begin(options)), context=waiting.context
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_for(
        self,
        waiting: _Waiting[IdT, FoundT],
        options: OptionsT,
        following: _Waiting[IdT, FoundT],
    ) -> None:
        try:
            waiting.found.set_result(await self._read(waiting.ids, options, following))
        except Exception as fault:
            waiting.found.set_exception(fault)
            waiting.found.exception()  # retrieved, since all that waited may be cancelled
