"""Logging configuration: handler, format, and the levels of libraries."""

import logging


def configure_logging(level: str, log_format: str) -> None:
    """Sends the logs of this process and of its libraries to standard error."""
    handler = logging.StreamHandler()
    if log_format == "json":
        from app.monitoring.json_log import JsonFormatter, names_no_client  # noqa: PLC0415

        handler.setFormatter(JsonFormatter())
        handler.addFilter(names_no_client)
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # The driver logs every lost heartbeat; we log the relevant events ourselves.
    logging.getLogger("pymongo").setLevel(max(logging.WARNING, logging.getLogger().level))
    # It logs every WebSocket rejected for its origin; we log each origin once.
    logging.getLogger("strawberry.ws").setLevel(logging.ERROR)
    # At debug level, uvicorn logs the headers of WebSockets, with their tokens.
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(max(logging.INFO, logging.getLogger().level))
    uvicorn.addFilter(_is_about_server)


def _is_about_server(record: logging.LogRecord) -> bool:
    """Drops uvicorn's traceback for WebSocket text that is not UTF-8, which it closes with 1007.

    Any client could fill the log with them.
    """
    return record.msg != "Invalid UTF-8 sequence received from client."
