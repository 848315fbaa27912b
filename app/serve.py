"""`team-joiner serve`: the socket, the database, and the application in its processes."""

import asyncio
import logging
import os
import signal
import socket
import sys
from typing import NoReturn

import click

from app.bootstrap import (
    APPLICATION,
    documents_of,
    explained,
    identity_of,
    refuse_unsuitable,
)
from app.config import Settings, SettingsError
from app.domain.faults import DatabaseUnsuitable, EmbeddedDatabaseFailed
from app.embedded.database import deployment
from app.monitoring.logs import configure_logging
from app.monitoring.metrics_listener import metrics_served
from app.monitoring.telemetry import is_tracing_configured
from app.serving.server import ListeningFailed, exit_status, listening, run

logger = logging.getLogger(__name__)


def run_server(settings: Settings, given: dict[str, str]) -> NoReturn:
    """Serve until SIGINT or SIGTERM, then exit. *Raises*: `click.ClickException`.

    `given` are the settings that are not in the environment, by variable.
    """
    try:
        _serve(settings, given)
    except SystemExit as ended:
        logging.shutdown()
        sys.stdout.flush()
        # Python would wait for the driver's threads, which a silent database blocks for a request's
        # timeout.
        os._exit(ended.code if isinstance(ended.code, int) else 0)


def _serve(settings: Settings, given: dict[str, str]) -> NoReturn:
    try:
        identity_of(settings)
        documents_of(settings)  # report an unreadable file once, not in every worker
        is_tracing_configured(os.environ)
    except SettingsError as error:
        raise click.UsageError(error.as_typed(given)) from error
    configure_logging(settings.log_level, settings.log_format)
    # uvicorn drains, then delivers the signal again: it must unwind what is open here.
    signal.signal(signal.SIGTERM, _exit)
    try:
        with (
            listening(settings.host, settings.port) as listener,
            metrics_served(settings.metrics_host, settings.metrics_port, workers=settings.workers),
            deployment(settings.mongodb_uri, settings.data_dir) as mongodb_uri,
        ):
            is_embedded = settings.mongodb_uri is None
            os.environ |= given | {"MONGODB_URI": mongodb_uri}
            settings = Settings.read(os.environ)
            asyncio.run(refuse_unsuitable(settings))
            run(
                APPLICATION,
                listener,
                workers=settings.workers,
                max_message_bytes=settings.max_body_bytes,
                max_frames_per_second=settings.max_frames_per_second_per_connection,
                arrival_timeout_seconds=settings.arrival_timeout_seconds,
                # Contains addresses and whole URLs; a JSON log has a line per operation instead.
                access_log=settings.log_level == "debug" and settings.log_format == "text",
                ready_message=_ready_message(settings, listener, is_embedded=is_embedded),
            )
    except (SettingsError, ListeningFailed, DatabaseUnsuitable, EmbeddedDatabaseFailed) as fault:
        said = explained(fault, settings)
        if isinstance(fault, SettingsError):
            said = fault.as_typed(given)
        if settings.log_format == "json":
            logger.critical("%s", said)
            raise SystemExit(1) from fault
        raise click.ClickException(said) from fault
    except KeyboardInterrupt:
        logger.info("Stopped.")
    except Exception:
        if settings.log_format != "json":
            raise
        logger.critical("The server stopped because of an unexpected error.", exc_info=True)
        raise SystemExit(1) from None
    raise SystemExit(exit_status())


def _ready_message(settings: Settings, listener: socket.socket, *, is_embedded: bool) -> str | None:
    """A message for a human at a terminal; None for a JSON log."""
    if settings.log_format != "text":
        return None
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared
    shown = f"[{host}]" if ":" in host else host
    place = (
        str(settings.data_dir.resolve())
        if is_embedded
        else f"the database {settings.mongodb_database} at MONGODB_URI"
    )
    verb = "Open" if settings.graphiql or settings.serves_board else "Serving"
    url = f"http://{shown}:{port}/{'' if settings.serves_board else 'graphql'}"
    return f"{verb} {url}. Your data are in {place}. Ctrl-C stops the server."


def _exit(*_: object) -> NoReturn:
    raise SystemExit(exit_status())
