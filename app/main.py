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

from app.command_help import GroupedCommand, as_typed, default_as_typed, option_of
from app.config import HELP, Settings
from app.doctor.cli.command import DoctorFailed, DoctorRequest, doctor_options
from app.doctor.cli.command import run as run_doctor
from app.domain.faults import EmbeddedDatabaseFailed
from app.monitoring.logs import configure_logging
from app.setting_values import SettingsError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: team-joiner serve --port 8080; then open http://127.0.0.1:8080/graphql",
)
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
            variable = field.upper()
            option = option_of(variable)
            default = default_as_typed(getattr(Settings(), field))
            help_text = f"{sentence} [environment: {variable}{default and '; default: '}{default}]"
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
        raise click.UsageError(as_typed(str(error), given)) from error


@main.command(
    cls=GroupedCommand,
    short_help="Serve the API, with a MongoDB of its own if none is named.",
    epilog="Example: team-joiner serve --port 8080 --data-dir teams --max-depth 10",
)
@_settings_as_options(*HELP)
def serve(**options: str | None) -> None:
    """Serve the API at /graphql until the server is told to end (Ctrl-C, SIGTERM).

    Without --mongodb-uri it starts a MongoDB of its own. Each option can also be set as an
    environment variable; the option wins.
    """
    settings, given = _read_settings(options)
    gc.disable()  # what is imported stays; to look for garbage in it takes a tenth of the start
    from app.serve import run_server  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run_server(settings, given)


@main.command(
    cls=GroupedCommand,
    short_help="Examine existing data, and repair what breaks the rules.",
    epilog="Example: team-joiner doctor --repair --keep first-joined --mongodb-uri URI",
)
@doctor_options
@_settings_as_options("mongodb_uri", "mongodb_database", "data_dir", "default_capacity")
def doctor(**options: Any) -> None:  # noqa: ANN401 - what click has parsed
    """Examine existing data, and report what breaks the rules and what it would become.

    Nothing is changed without --repair. The exit status is 0 when all is well, 1 when something
    is broken, and 2 when the doctor could not do its work.

    To decide yourself where users stay: --questions FILE writes those in question to a CSV file
    with a column `team`. Fill in the id of the team on which each user stays, and run it again
    with --repair --keep ask-file FILE.
    """
    from app.deployment import deployment  # noqa: PLC0415
    from app.doctor.storage.database import MongoDatabaseAccess  # noqa: PLC0415

    request = DoctorRequest.from_options(options)
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
            access = MongoDatabaseAccess(
                mongodb_uri,
                settings.mongodb_database,
                request_memory_hours=settings.request_memory_hours,
            )
            status = run_doctor(
                request,
                access,
                database=settings.mongodb_database,
                default_capacity=settings.default_capacity,
            )
    except EmbeddedDatabaseFailed as fault:
        raise DoctorFailed(str(fault)) from fault
    raise SystemExit(status)


@main.command(
    short_help="Print the GraphQL schema.",
    epilog="Example: team-joiner schema --output schema.graphql",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the schema to this file.",
)
def schema(output: Path | None) -> None:
    """Print the GraphQL schema, or write it to a file."""
    from app.api.schema.schema import print_schema  # noqa: PLC0415

    if output is None:
        click.echo(print_schema(), nl=False)
    else:
        output.write_text(print_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
