"""The log as a line of JSON for each event, for machines.

It holds no personal data: no address of a client; of an exception its types, codes and places, not
its messages, which may quote what a client has sent or a document holds.
"""

import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from app.api.request_id import given_request_id


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, with the id of the request at hand."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
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
    """The exception and those that led to it, each with the places it came through.

    The database's have a number as their `code`: it tells a lack of privilege from other faults.
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
    """A filter for uvicorn's log, which says of every WebSocket its address and its whole URL."""
    return '"WebSocket %s"' not in str(record.msg)
