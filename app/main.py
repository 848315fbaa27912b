"""The command line: `serve`, `doctor` and `schema`."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from app.api.metrics_listener import metrics_served
from app.api.schema import print_schema
from app.api.serving import ListeningFailed, listening, run
from app.config import HELP, Settings
from app.doctor.command import CouldNotWork, Order, doctor_options
from app.doctor.command import run as run_doctor
from app.domain.faults import DatabaseUnsuitable, EmbeddedDatabaseFailed
from app.setting_values import SettingsError
from app.storage.doctor.facilities import MongoFacilities
from app.storage.embedded.database import EmbeddedDatabase
from app.telemetry import configure_logging, is_tracing_configured
from app.wiring import (
    APPLICATION,
    documents_of,
    explained,
    identity_of,
    refuse_unsuitable,
)

logger = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="team-joiner")
def main() -> None:
    """Team Joiner: a GraphQL API that keeps every user on at most one team."""


FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


def _settings_as_options(*wanted: str) -> Callable[[FunctionT], FunctionT]:
    """An option for each of those settings, beside the environment variable of its name.

    All are taken as text and judged by `Settings`, so that both ways have the same limits.
    """

    def decorate(command: FunctionT) -> FunctionT:
        for field, (metavar, sentence) in reversed(list(HELP.items())):
            option = "--database" if field == "mongodb_database" else f"--{field.replace('_', '-')}"
            variable = field.upper()
            help_text = f"{sentence} [environment: {variable}]"
            if field in wanted:
                command = click.option(option, variable, metavar=metavar, help=help_text)(command)
        return command

    return decorate


def _read_settings(options: Mapping[str, str | None]) -> tuple[Settings, dict[str, str]]:
    """The settings, and what of them was given as an option. *Raises*: `click.UsageError`."""
    given = {name: text for name, text in options.items() if text is not None}
    try:
        return Settings.read(os.environ | given), given
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


@main.command()
@_settings_as_options(*HELP)
def serve(**options: str | None) -> None:
    """Serves the API at /graphql until it is told to end (SIGINT, SIGTERM)."""
    settings, given = _read_settings(options)
    try:
        identity_of(settings)
        documents_of(settings)  # what can't be read is said now, and not by every worker
        is_tracing_configured(os.environ)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    configure_logging(settings.log_level, settings.log_format)
    # uvicorn drains, then delivers the signal again: it must unwind what is open here.
    signal.signal(signal.SIGTERM, _exit)
    try:
        with (
            listening(settings.host, settings.port) as listener,
            metrics_served(settings.metrics_host, settings.metrics_port, workers=settings.workers),
            _database(settings) as mongodb_uri,
        ):
            os.environ |= given | {"MONGODB_URI": mongodb_uri}
            settings = Settings.read(os.environ)
            asyncio.run(refuse_unsuitable(settings))
            run(
                APPLICATION,
                listener,
                workers=settings.workers,
                max_message_bytes=settings.max_body_bytes,
                arrival_timeout_seconds=settings.arrival_timeout_seconds,
                trusted_proxies=settings.trusted_proxies,
                drain_seconds=settings.drain_seconds,
                # It names addresses and whole URLs; in JSON each operation has a line instead.
                access_log=settings.log_level == "debug" and settings.log_format == "text",
            )
    except (SettingsError, ListeningFailed, DatabaseUnsuitable, EmbeddedDatabaseFailed) as fault:
        said = explained(fault, settings.log_format)
        if settings.log_format == "json":
            logger.critical("%s", said)
            raise SystemExit(1) from fault
        raise click.ClickException(said) from fault
    except KeyboardInterrupt:
        logger.info("Stopped.")
    except Exception:
        if settings.log_format != "json":
            raise
        logger.critical("The server ended for an unexpected reason.", exc_info=True)
        raise SystemExit(1) from None


@main.command()
@doctor_options
@_settings_as_options("mongodb_uri", "mongodb_database", "data_dir", "default_capacity")
def doctor(**options: Any) -> None:  # noqa: ANN401 - what click has parsed
    """Says what in existing data breaks the rules, and what it would become; --repair mends it.

    It changes nothing unless it is told to. The exit status is 0 when all is well, 1 when something
    is broken, and 2 when it could not do its work.
    """
    order = Order.take(options)
    settings, _ = _read_settings(options)
    configure_logging("warning", "text")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if settings.mongodb_uri is None and not settings.data_dir.is_dir():
        raise click.UsageError(
            f"There is no data folder {settings.data_dir}: name one with --data-dir, or a MongoDB "
            "with --mongodb-uri."
        )
    try:
        with _database(settings) as mongodb_uri:
            facilities = MongoFacilities(
                mongodb_uri,
                settings.mongodb_database,
                request_memory_hours=settings.request_memory_hours,
            )
            status = run_doctor(
                order,
                facilities,
                database=settings.mongodb_database,
                default_capacity=settings.default_capacity,
            )
    except EmbeddedDatabaseFailed as fault:
        raise CouldNotWork(str(fault)) from fault
    raise SystemExit(status)


@main.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
def schema(output: Path | None) -> None:
    """Prints the GraphQL schema, or writes it to a file."""
    if output is None:
        click.echo(print_schema(), nl=False)
    else:
        output.write_text(print_schema(), encoding="utf-8")


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The URI of the deployment to use; the embedded one runs as long as the context."""
    if settings.mongodb_uri is not None:
        yield settings.mongodb_uri
    else:
        with EmbeddedDatabase(settings.data_dir) as embedded:
            yield embedded.uri


def _exit(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
