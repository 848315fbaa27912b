"""The command line: `serve`, `doctor` and `schema`.

Each command imports its modules when it runs: the doctor does not wait for GraphQL, which takes
longer to import than everything else. Parsing needs the settings and the doctor's options only.
"""

import gc
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.config import SETTINGS, Setting, Settings, SettingsError
from app.doctor.cli.options import DOCTOR_OPTIONS, DoctorFailed, DoctorRequest
from app.domain.faults import EmbeddedDatabaseFailed
from app.monitoring.logs import configure_logging

_NAMES = {"mongodb_uri", "mongodb_database", "data_dir", "default_capacity"}
OF_THE_DOCTOR = [setting for setting in SETTINGS if setting.name in _NAMES]

_GROUP_OF = {setting.variable: setting.group for setting in SETTINGS}


class GroupedCommand(click.Command):
    """A command whose help lists settings in their groups, after its other options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                group = _GROUP_OF.get(parameter.name or "", "Options")
                sections.setdefault(group, []).append(record)
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records)


def _option_of(setting: Setting) -> click.Parameter:
    """An option that takes any text; `Settings.read` validates it, as it does the variable."""
    facts = {
        "environment": setting.variable,
        "default": setting.default,
        "accepted": setting.kind.accepted,
    }
    shown = "; ".join(f"{name}: {fact}" for name, fact in facts.items() if fact)
    return click.Option(
        [setting.option, setting.variable],
        metavar=setting.kind.metavar,
        help=f"{setting.help} [{shown}]",
    )


def _read_settings(options: Mapping[str, str | None]) -> tuple[Settings, dict[str, str]]:
    """The settings, and those given as options by variable. *Raises*: `click.UsageError`."""
    given = {name: text for name, text in options.items() if text is not None}
    try:
        return Settings.read(os.environ | given), given
    except SettingsError as error:
        raise click.UsageError(error.as_typed(given)) from error


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: team-joiner serve --port 8080; then open http://127.0.0.1:8080/graphql",
)
@click.version_option(package_name="team-joiner")
def main() -> None:
    """Team Joiner: a GraphQL API that keeps every user on at most one team."""


@main.command(
    cls=GroupedCommand,
    params=[_option_of(setting) for setting in SETTINGS],
    short_help="Serve the API, with an embedded MongoDB by default.",
    epilog="Example: team-joiner serve --port 8080 --data-dir teams --max-depth 10",
)
def serve(**options: str | None) -> None:
    """Serve the API at /graphql until SIGINT (Ctrl-C) or SIGTERM.

    Without --mongodb-uri, an embedded MongoDB is started. Each option can also be set as an
    environment variable; the option wins.

    Limits per user, address and connection, and remembered documents, count in each process.
    Anonymous clients count by address. Rates allow ten seconds' worth at once.
    """
    settings, given = _read_settings(options)
    gc.disable()  # imported modules stay: collecting while importing takes a tenth of the start
    from app.serve import run_server  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    run_server(settings, given)


@main.command(
    cls=GroupedCommand,
    params=[*DOCTOR_OPTIONS, *map(_option_of, OF_THE_DOCTOR)],
    short_help="Examine existing data, and repair violations of the rules.",
    epilog="Example: team-joiner doctor --repair --keep first-joined --mongodb-uri URI",
)
def doctor(**options: Any) -> None:  # noqa: ANN401 - what click has parsed
    """Examine existing data, and report damage and the planned repairs.

    Nothing is changed without --repair or --undo. The exit status is 0 without damage or, with
    --log, differences, 1 with some, and 2 on failure.

    To choose the team of each user yourself, write the users on several teams to a CSV file with
    --questions FILE, enter a team id in the column `team` of each line, and repair with --repair
    --keep ask-file FILE.
    """
    from app.doctor.cli.command import run  # noqa: PLC0415
    from app.doctor.storage.database import DatabaseAccess  # noqa: PLC0415
    from app.embedded.database import deployment  # noqa: PLC0415

    request = DoctorRequest.from_options(options)
    settings, _ = _read_settings(options)
    configure_logging("warning", "text")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if settings.mongodb_uri is None and not settings.data_dir.is_dir():
        raise click.UsageError(
            f"There is no data folder {settings.data_dir}. Set --data-dir to an existing one, or "
            "--mongodb-uri."
        )
    try:
        with deployment(settings.mongodb_uri, settings.data_dir) as mongodb_uri:
            access = DatabaseAccess(
                mongodb_uri,
                settings.mongodb_database,
                request_memory_hours=settings.request_memory_hours,
            )
            status = run(request, access, default_capacity=settings.default_capacity)
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
@click.option("--federation", is_flag=True, help="As a subgraph's schema for Apollo Federation 2.")
def schema(output: Path | None, *, federation: bool) -> None:
    """Print the GraphQL schema, or write it to a file."""
    from app.api.schema.schema import print_schema  # noqa: PLC0415

    text = print_schema(federation=federation)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
