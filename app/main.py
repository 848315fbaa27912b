"""Wires the packages together: the application for an ASGI server, and the command line."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from starlette.applications import Starlette

from app.api.application import build_application
from app.api.context import Services
from app.api.limits import Limits
from app.api.persisted_documents import ManifestError, PersistedDocuments, read_manifest
from app.api.schema import print_schema
from app.api.serving import ListeningFailed, end_with_parent, listening, run
from app.api.shared_answers import ChangeViews
from app.config import HELP, Settings, SettingsError
from app.doctor.command import CouldNotWork, Order, doctor_options
from app.doctor.command import run as run_doctor
from app.domain.faults import DatabaseUnsuitable, EmbeddedDatabaseFailed
from app.service.hub import Hub
from app.storage.change_log import MongoChangeLog
from app.storage.change_tail import MongoChangeTail
from app.storage.client import Client, close, connect, connect_for_streams
from app.storage.directory import MongoTeamDirectory
from app.storage.doctor.facilities import MongoFacilities
from app.storage.embedded.database import EmbeddedDatabase
from app.storage.preparation import Preparation, check_readiness
from app.storage.recorder import Recorder
from app.storage.team_store import MongoTeamStore

logger = logging.getLogger(__name__)

APPLICATION = "app.main:application_from_environment"


def create_application(settings: Settings) -> Starlette:
    """The application on a MongoDB deployment, which `settings.mongodb_uri` must name.

    It connects and prepares the database when it is served. While the database can't be reached it
    serves all the same, answers `DATABASE_UNAVAILABLE`, is not ready, and goes on trying.
    """
    client = _connect(settings)
    streams = _connect_streams(settings)
    database, default_capacity = settings.mongodb_database, settings.default_capacity
    preparation = _preparation(client, settings)
    hub = Hub()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        prepared = await preparation.attempt()

        async def feed() -> None:
            """The work beside the requests: prepare if need be, then record and distribute."""
            if not prepared:
                await preparation.repeat_until_done(_stop_serving)
            async with asyncio.TaskGroup() as group:
                group.create_task(Recorder(streams, database).run())
                group.create_task(hub.run(MongoChangeTail(streams, database)))

        feeding = asyncio.create_task(feed())
        feeding.add_done_callback(_stop_if_failed)
        try:
            yield
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            close(client)
            close(streams)

    return build_application(
        Services(
            store=MongoTeamStore(client, database, default_capacity=default_capacity),
            directory=MongoTeamDirectory(client, database, default_capacity=default_capacity),
            log=MongoChangeLog(client, database),
            hub=hub,
            views=ChangeViews(),
            default_capacity=default_capacity,
            is_prepared=preparation.is_done,
        ),
        check_readiness=partial(check_readiness, client, database),
        lifespan=lifespan,
        limits=limits_of(settings),
        documents=_documents(settings),
        max_body_bytes=settings.max_body_bytes,
    )


def application_from_environment() -> Starlette:
    """The application factory for ASGI servers: `uvicorn --factory app.main:…`."""
    settings = Settings.read(os.environ)
    _configure_logging(settings.log_level)
    end_with_parent()
    application = create_application(settings)
    _spare_garbage_collection()
    return application


def limits_of(settings: Settings) -> Limits:
    """The limits, each from the setting of its name."""
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


def _documents(settings: Settings) -> PersistedDocuments:
    """*Raises*: `SettingsError` when the registered documents can't be read."""
    registered: dict[str, str] = {}
    if settings.only_trusted_documents and settings.trusted_documents is None:
        raise SettingsError("ONLY_TRUSTED_DOCUMENTS must be off unless TRUSTED_DOCUMENTS is given.")
    if settings.trusted_documents is not None:
        try:
            registered = read_manifest(settings.trusted_documents)
        except ManifestError as error:
            raise SettingsError(str(error)) from error
    return PersistedDocuments(
        registered,
        only_registered=settings.only_trusted_documents,
        max_remembered=settings.max_persisted_queries,
    )


def _preparation(client: Client, settings: Settings) -> Preparation:
    return Preparation(
        client,
        settings.mongodb_database,
        request_memory_hours=settings.request_memory_hours,
    )


def _connect(settings: Settings) -> Client:
    connecting = partial(connect, timeout_seconds=settings.request_timeout_seconds)
    return _connect_with(connecting, settings)


def _connect_streams(settings: Settings) -> Client:
    return _connect_with(connect_for_streams, settings)


def _connect_with(connecting: Callable[[str], Client], settings: Settings) -> Client:
    if settings.mongodb_uri is None:
        raise SettingsError("MONGODB_URI must name a deployment; `team-joiner serve` can make one.")
    return connecting(settings.mongodb_uri)


def _spare_garbage_collection() -> None:
    """Keeps the collector from going through what lives as long as the process, again and again.

    A request allocates some thousand objects and leaves almost no cycles. With the defaults a
    mutation took 8 % more processor time (mean of 12 runs of 3,000 each way, in turns).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 50)


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    """A server that has stopped to record and distribute is of no use to its subscribers."""
    if not task.cancelled() and (error := task.exception()):
        logger.critical("The feeds have failed, so this server ends.", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


def _stop_serving(fault: DatabaseUnsuitable) -> None:
    """A database that turns out unsuitable ends the server, as it would have at the start."""
    logger.critical("%s", fault)
    signal.raise_signal(signal.SIGTERM)


def _configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-8s %(name)s: %(message)s"
    )
    # The driver tells about every lost heartbeat; what matters of it we say ourselves.
    logging.getLogger("pymongo").setLevel(max(logging.WARNING, logging.getLogger().level))


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
        _documents(settings)  # what can't be read is said now, and not by every worker
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    _configure_logging(settings.log_level)
    # uvicorn drains, then delivers the signal again: it must unwind what is open here.
    signal.signal(signal.SIGTERM, _exit)
    try:
        with (
            listening(settings.host, settings.port) as listener,
            _database(settings) as mongodb_uri,
        ):
            os.environ |= given | {"MONGODB_URI": mongodb_uri}
            settings = Settings.read(os.environ)
            asyncio.run(_refuse_unsuitable(settings))
            run(
                APPLICATION,
                listener,
                workers=settings.workers,
                max_message_bytes=settings.max_body_bytes,
                arrival_timeout_seconds=settings.arrival_timeout_seconds,
                access_log=settings.log_level == "debug",
            )
    except (SettingsError, ListeningFailed, DatabaseUnsuitable, EmbeddedDatabaseFailed) as fault:
        raise click.ClickException(str(fault)) from fault
    except KeyboardInterrupt:
        logger.info("Stopped.")


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
    _configure_logging("warning")
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


async def _refuse_unsuitable(settings: Settings) -> None:
    """*Raises*: `DatabaseUnsuitable`, here where it can be said in one sentence."""
    client = _connect(settings)
    try:
        await _preparation(client, settings).attempt()
    finally:
        close(client)


def _exit(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
