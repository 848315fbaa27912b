"""CSV file with the operator's choice of a team for each user on several teams.

Columns: `user`, `team`, and in a generated template `candidates`, which is ignored.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from app.doctor.cli.text import counted
from app.doctor.membership_index import MembershipIndex
from app.doctor.rules.memberships import Membership, by_age
from app.domain.ids import TeamId, UserId


class UnusableAnswers(Exception):
    """The answer file can't be read or written."""


def read_answers(path: Path) -> Iterator[tuple[UserId, TeamId]]:
    """The answers; lines without a team are skipped. *Raises*: `UnusableAnswers`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not {"user", "team"} <= set(lines.fieldnames or ()):
                raise UnusableAnswers(f"{path} needs a header line with the columns user,team.")
            for line in lines:
                user, team = (line["user"] or "").strip(), (line["team"] or "").strip()
                if user and team:
                    yield UserId(user), TeamId(team)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableAnswers(f"{path} can't be read: {error}") from error


def write_questions(path: Path, index: MembershipIndex) -> int:
    """Write a template with a line per user on several teams; returns their number.

    *Raises*: `UnusableAnswers` if the file exists, to protect answers in it, or can't be written.
    """
    count = 0
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("user", "team", "candidates (oldest first)"))
            for user_id, memberships, answer in index.conflicts():
                candidates = "; ".join(map(_describe, by_age(memberships)))
                lines.writerow((user_id, answer or "", candidates))
                count += 1
    except OSError as error:
        raise UnusableAnswers(f"{path} can't be written: {error.strerror}") from error
    return count


def _describe(membership: Membership) -> str:
    return f"{membership.team_id} ({membership.team_name!r}, {counted(membership.size, 'member')})"
