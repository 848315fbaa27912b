"""Options and exit statuses of `team-joiner doctor`, which the command line reads at its start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.doctor.rules.memberships import Keep

WELL, BROKEN, FAILED = 0, 1, 2
"""No findings; findings; failure."""


class DoctorFailed(click.ClickException):
    """A failure message for the operator, with exit status 2."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """The parsed options. *Raises*: `click.UsageError` if they contradict each other."""

    repair: bool
    undo: bool
    log: bool
    keep: Keep | None
    file: Path | None
    questions: Path | None
    as_json: bool

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "DoctorRequest":
        """Build the request from parsed options, removing its own from the mapping."""
        given = {name: options.pop(name) for name in cls.__dataclass_fields__}
        return cls(**given | {"keep": Keep(given["keep"]) if given["keep"] else None})

    def __post_init__(self) -> None:
        if sum((self.repair, self.undo, self.log, self.questions is not None)) > 1:
            raise click.UsageError("Choose one of --repair, --undo, --log and --questions.")
        if (self.keep is Keep.ASK_FILE) != (self.file is not None):
            raise click.UsageError(
                "--keep ask-file requires a FILE with answers, and FILE requires --keep ask-file."
            )


_FILE = click.Path(path_type=Path, dir_okay=False)

DOCTOR_OPTIONS: Sequence[click.Parameter] = (
    click.Option(["--repair"], is_flag=True, help="Repair the damage. Stop every server first."),
    click.Option(["--undo"], is_flag=True, help="Restore the documents that repairs changed."),
    click.Option(
        ["--log"],
        is_flag=True,
        help="Compare the change log with the teams. Servers may be running.",
    ),
    click.Option(
        ["--keep"],
        type=click.Choice([each.value for each in Keep]),
        help="Choose the team to keep for each user on several teams. first-joined: the oldest "
        "team, since the old data does not record when a user joined (ties: by the user's position "
        "in it). smallest-team: the team with the fewest members. ask-file FILE: the team given in "
        "the file.",
    ),
    click.Argument(["file"], required=False, type=_FILE),
    click.Option(
        ["--questions"],
        metavar="FILE",
        type=_FILE,
        help="Write the users on several teams to a CSV file, to be completed for --keep ask-file.",
    ),
    click.Option(["--json", "as_json"], is_flag=True, help="Print the report as JSON."),
)
