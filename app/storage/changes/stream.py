"""A change stream that is read in batches, with the resume token after each batch.

The driver's own stream returns single events and hides where its batches end, so that its reader
either waits for further events before it can use a batch, or handles every event alone.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from pymongo.errors import OperationFailure, PyMongoError

from app.storage.client import CLOSE_SECONDS, Client, Collection, Session, settled
from app.storage.documents import RAW, Document, all_decoded
from app.storage.errors import (
    AUTHENTICATION_FAILED,
    UNAUTHORIZED,
    HistoryLost,
    driver_faults,
    is_unavailable,
)

ResumeToken = dict[str, Any]

# How long the server waits for events before it sends an empty answer, which is also a heartbeat.
WAIT_MILLISECONDS = 500
MAX_BATCH = 500


class ChangeStream:
    """The events of a collection since the context was entered, or after a resume token.

    *Raises*: `DatabaseUnavailable`, `HistoryLost`. Afterwards it can't continue, but another stream
    can be opened after the last token.
    """

    def __init__(
        self,
        client: Client,
        collection: Collection,
        pipeline: Sequence[Document],
        *,
        resume_after: ResumeToken | None,
    ) -> None:
        self._client = client
        self._database = client[collection.database.name]
        self._collection = collection.name
        self._resumes = resume_after is not None
        stage: Document = {"resumeAfter": resume_after} if resume_after else {}
        self._pipeline = [{"$changeStream": stage}, *pipeline]
        self._session: Session | None = None
        self._cursor: dict[str, Any] = {}

    @property
    def position(self) -> ResumeToken:
        """The token to resume after the events read so far."""
        return dict(self._cursor["postBatchResumeToken"])

    async def __aenter__(self) -> Self:
        """Open it; events from now on are included."""
        with driver_faults(), self._token_faults():
            self._session = await settled(self._client.start_session())
            answer = await self._database.command(
                "aggregate",
                self._collection,
                pipeline=self._pipeline,
                cursor={"batchSize": 0},
                readConcern={"level": "majority"},
                session=self._session,
            )
        self._cursor = answer["cursor"]
        return self

    @contextmanager
    def _token_faults(self) -> Iterator[None]:
        """Raise `HistoryLost` where only the resume token can be the cause."""
        try:
            yield
        except OperationFailure as error:
            is_ours = error.code in {UNAUTHORIZED, AUTHENTICATION_FAILED} or is_unavailable(error)
            if is_ours or not self._resumes:
                raise
            raise HistoryLost(str(error)) from error

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it, on the server too if it answers within `CLOSE_SECONDS`."""
        if self._session is None:
            return
        with suppress(PyMongoError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._database.command(
                    "killCursors",
                    self._collection,
                    cursors=[self._cursor["id"]],
                    session=self._session,
                )
        await self._session.end_session()

    async def next_batch(self) -> tuple[list[dict[str, Any]], ResumeToken]:
        """The next events, none after a short wait, and the token to resume after them."""
        if not self._cursor["id"]:
            raise HistoryLost("The collection was dropped or renamed, which ends its stream.")
        with driver_faults():
            answer = await self._database.command(
                "getMore",
                self._cursor["id"],
                collection=self._collection,
                batchSize=MAX_BATCH,
                maxTimeMS=WAIT_MILLISECONDS,
                codec_options=RAW,
                session=self._session,
            )
        self._cursor = dict(answer["cursor"])
        events = all_decoded(self._cursor["nextBatch"])
        del self._cursor["nextBatch"]
        return events, self.position
