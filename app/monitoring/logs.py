"""The log of a process: where it goes, in which form, and what libraries may add to it."""

import logging


def configure_logging(level: str, log_format: str) -> None:
    """Sends the log of this process, with those of uvicorn and the driver, to standard error."""
    handler = logging.StreamHandler()
    if log_format == "json":
        from app.monitoring.json_log import JsonFormatter, names_no_client  # noqa: PLC0415

        handler.setFormatter(JsonFormatter())
        handler.addFilter(names_no_client)
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # The driver tells about every lost heartbeat; what matters of it we say ourselves.
    logging.getLogger("pymongo").setLevel(max(logging.WARNING, logging.getLogger().level))
    # It tells of every WebSocket that it refuses for its origin; we tell of each origin once.
    logging.getLogger("strawberry.ws").setLevel(logging.ERROR)
    # To debug, uvicorn writes down the headers of WebSockets, with the tokens in them.
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(max(logging.INFO, logging.getLogger().level))
    uvicorn.addFilter(_is_worth_telling)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is about the server, and not only about what a client has sent.

    For text on a WebSocket that is no UTF-8 it logs a traceback, as an error, and closes with 1007
    as it should: anybody could fill the log with them.
    """
    return record.msg != "Invalid UTF-8 sequence received from client."
