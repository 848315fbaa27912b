"""The JSON log: one object per line.

It holds no personal data: no client addresses, and of exceptions only types, codes and stack
frames, since their messages may quote requests or documents.
"""

import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from app.api.request_id import given_request_id


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the id of the current request."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := given_request_id():
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and (error := record.exc_info[1]):
            line["exceptions"] = list(_exceptions(error))
        return orjson.dumps(line, default=repr).decode()


def _exceptions(error: BaseException) -> Iterator[dict[str, Any]]:
    """The exception and its causes, each with its stack frames.

    MongoDB's numeric `code` tells a missing privilege from other faults.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        shown: dict[str, Any] = {"type": f"{type(cause).__module__}.{type(cause).__qualname__}"}
        if isinstance(code := getattr(cause, "code", None), int):
            shown["code"] = code
        shown["at"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        yield shown
        cause = cause.__cause__ or cause.__context__


def names_no_client(record: logging.LogRecord) -> bool:
    """Drops uvicorn's line for each WebSocket, which has the client's address and the whole URL."""
    return '"WebSocket %s"' not in str(record.msg)
