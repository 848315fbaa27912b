"""The command line: `serve`, `doctor` and `schema`.

A command imports what it runs when it runs: the doctor does not wait for GraphQL, which takes
longer to import than all the rest. Only the doctor's options are needed to read the command line.
"""

import gc
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from app.config import HELP, Settings
from app.doctor.command import CouldNotWork, Order, doctor_options
from app.doctor.command import run as run_doctor
from app.domain.faults import EmbeddedDatabaseFailed
from app.logs import configure_logging
from app.setting_values import SettingsError


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
    gc.disable()  # what is imported stays; to look for garbage in it takes a tenth of the start
    from app.server import run_server  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run_server(settings, given)


@main.command()
@doctor_options
@_settings_as_options("mongodb_uri", "mongodb_database", "data_dir", "default_capacity")
def doctor(**options: Any) -> None:  # noqa: ANN401 - what click has parsed
    """Says what in existing data breaks the rules, and what it would become; --repair mends it.

    It changes nothing unless it is told to. The exit status is 0 when all is well, 1 when something
    is broken, and 2 when it could not do its work.
    """
    from app.deployment import deployment  # noqa: PLC0415
    from app.storage.doctor.facilities import MongoFacilities  # noqa: PLC0415

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
        with deployment(settings) as mongodb_uri:
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
    from app.api.schema import print_schema  # noqa: PLC0415

    if output is None:
        click.echo(print_schema(), nl=False)
    else:
        output.write_text(print_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
