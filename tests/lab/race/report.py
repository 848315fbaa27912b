"""The results of a race, as a table and as data."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.lab.race.clients import ALREADY_ON_TEAM, NOT_ON_TEAM
from tests.lab.race.fight import Fight


def verdict(classic: Fight, ours: Fight, users: int) -> str:
    first, second = (len(each.violations.ever_on_several_teams) for each in (classic, ours))
    broke = f"{first:,}" if first else "None"
    verb = "were" if first > 1 else "was"
    held = f"{second:,}" if second else "none"
    return (
        f"{broke} of {users:,} users {verb} on two teams with the {classic.title}, "
        f"{held} with {ours.title}."
    )


def doctor_steps(kept: str | None, data_dir: Path | None, mongodb_uri: str | None) -> Iterator[str]:
    """The next steps for the damaged database: a sentence, and the commands to paste."""
    uri = mongodb_uri or ""
    if kept is None:
        yield "To keep what the classic code breaks, and look at it:"
        yield "  scripts/race --data-dir .race"
        data_dir, kept = Path(".race"), "race_broken"
    else:
        yield f"The database {kept} holds what the classic code left. Look at it:"
    # A URI may hold a password, which must not be logged.
    place = shlex.quote(uri) if "@" not in uri else '"$MONGODB_URI"'
    where = f"--data-dir {shlex.quote(str(data_dir))}" if data_dir else f"--mongodb-uri {place}"
    yield f"  scripts/doctor {where} --database {shlex.quote(kept)}"


def build_table(classic: Fight, ours: Fight) -> Table:
    """Both implementations side by side."""
    table = Table(header_style="bold")
    table.add_column("")
    table.add_column(classic.title, justify="right")
    table.add_column(ours.title, justify="right")
    for name, first, second in _rows(classic, ours):
        table.add_row(name, first, second, end_section=name in _ENDS_OF_SECTIONS)
    return table


_ENDS_OF_SECTIONS = {"failed", "users ever twice in one team"}


def _rows(classic: Fight, ours: Fight) -> list[tuple[str, str, str]]:
    columns = [_column(classic), _column(ours)]
    return [(name, columns[0][name], columns[1][name]) for name in columns[0]]


def _column(fight: Fight) -> dict[str, str]:
    violations = fight.violations
    several, twice = violations.ever_on_several_teams, violations.ever_twice_in_a_team
    return {
        "mutations": f"{fight.mutations:,}",
        "accepted": f"{fight.accepted:,}",
        f"refused: {ALREADY_ON_TEAM}": f"{fight.refused[ALREADY_ON_TEAM]:,}",
        f"refused: {NOT_ON_TEAM}": f"{fight.refused[NOT_ON_TEAM]:,}",
        "failed": f"{sum(fight.failed.values()):,}",
        "users ever on two teams at once": _judge(len(several)),
        "users on two teams at the end": _judge(len(violations.on_several_teams)),
        "users ever twice in one team": _judge(len(twice)),
    }


def _judge(count: int) -> str:
    return f"[bold red]{count:,}[/]" if count else "[bold green]0[/]"


def describe_fight(fight: Fight) -> dict[str, Any]:
    return {
        "mutations": fight.mutations,
        "accepted": fight.accepted,
        "refused": dict(fight.refused),
        "failed": dict(fight.failed),
        "violations": {
            "usersEverOnSeveralTeams": len(fight.violations.ever_on_several_teams),
            "usersOnSeveralTeamsAtTheEnd": len(fight.violations.on_several_teams),
            "usersEverTwiceInOneTeam": len(fight.violations.ever_twice_in_a_team),
        },
        "seconds": round(fight.elapsed, 3),
    }
