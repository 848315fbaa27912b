"""Index of all memberships in a temporary SQLite file.

No MongoDB query, since equality of user ids (5, "5" and " 5" are equal) is decided by the rules, a
dry run writes nothing into the database, and the memory is bounded here.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from app.doctor.rules.memberships import Membership
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import TeamKey
from app.domain.ids import TeamId, UserId

# The pages that SQLite keeps in memory, also while it sorts; the rest is on disk.
CACHE_KILOBYTES = 24_000

BROKEN_AT_ONCE = 200

_ROWS_AT_ONCE = 5_000

_TABLES = """
CREATE TABLE team (
    number INTEGER PRIMARY KEY, key BLOB, id TEXT, name TEXT, made_at INTEGER, size INTEGER,
    is_broken INTEGER
);
CREATE TABLE member (user TEXT, team INTEGER, place INTEGER);
CREATE TABLE answer (user TEXT PRIMARY KEY, team TEXT);
CREATE TABLE departure (key BLOB, user TEXT, kept TEXT);
CREATE INDEX departures ON departure (key);
"""
_CONFLICTS = """
SELECT member.user, team.key, team.id, team.name, team.made_at, team.size, member.place, answer.team
FROM (SELECT user FROM member GROUP BY user HAVING COUNT(*) > 1) AS several
JOIN member ON member.user = several.user
JOIN team ON team.number = member.team
LEFT JOIN answer ON answer.user = member.user
ORDER BY member.user
"""
_BROKEN = """
SELECT key FROM team
WHERE number > ? AND (is_broken OR key IN (SELECT key FROM departure)) ORDER BY number
"""


class SqliteMembershipIndex:
    """`MembershipIndex` in a file; 500,000 memberships took 67 bytes of disk each."""

    def __init__(self, path: Path) -> None:
        # One thread at a time uses it, not always the same one.
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
            f"PRAGMA cache_size = -{CACHE_KILOBYTES}; PRAGMA locking_mode = EXCLUSIVE; {_TABLES}"
        )
        self._number = 0
        self._teams: list[tuple[Any, ...]] = []
        self._members: list[tuple[str, int, int]] = []

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, team: RepairPlan) -> None:
        self._number += 1
        made_at = int(team.created_at.timestamp() * 1000) if team.created_at else None
        self._teams.append(
            (
                self._number,
                team.key,
                team.id,
                team.name,
                made_at,
                len(team.user_ids),
                bool(team.findings),
            )
        )
        self._members += [
            (user_id, self._number, place) for place, user_id in enumerate(team.user_ids)
        ]
        if len(self._teams) + len(self._members) > _ROWS_AT_ONCE:
            self._write()

    def answer(self, user_id: UserId, team_id: TeamId) -> None:
        self._file.execute("INSERT OR REPLACE INTO answer VALUES (?, ?)", (user_id, team_id))

    def conflicts(self) -> Iterator[tuple[UserId, Sequence[Membership], TeamId | None]]:
        """See `MembershipIndex`. Its SQL index is built after the last team: once, by sorting."""
        self._write()
        self._file.execute("CREATE INDEX IF NOT EXISTS users ON member (user, team, place)")
        rows = self._file.execute(_CONFLICTS)
        for user, found in groupby(rows, key=lambda row: row[0]):
            memberships, answer = [], None
            for _, key, id_, name, made_at, size, place, answer in found:  # noqa: B007
                memberships.append(Membership(TeamKey(key), id_, name, made_at, size, place))
            yield UserId(user), memberships, answer

    def add_departure(self, key: TeamKey, user_id: UserId, kept: TeamId) -> None:
        self._file.execute("INSERT INTO departure VALUES (?, ?, ?)", (key, user_id, kept))

    def departures(self, key: TeamKey) -> Mapping[UserId, TeamId]:
        return dict(self._file.execute("SELECT user, kept FROM departure WHERE key = ?", (key,)))

    def broken_teams(self) -> Iterator[Sequence[TeamKey]]:
        rows = self._file.execute(_BROKEN, (0,))
        while keys := [TeamKey(key) for (key,) in rows.fetchmany(BROKEN_AT_ONCE)]:
            yield keys

    def count_broken(self) -> int:
        self._write()
        (count,) = self._file.execute(f"SELECT COUNT(*) FROM ({_BROKEN})", (0,)).fetchone()  # noqa: S608
        return int(count)

    def _write(self) -> None:
        if not self._teams:
            return
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO team VALUES (?, ?, ?, ?, ?, ?, ?)", self._teams)
        self._file.executemany("INSERT INTO member VALUES (?, ?, ?)", self._members)
        self._file.execute("COMMIT")
        self._teams.clear()
        self._members.clear()


@contextmanager
def temporary_membership_index() -> Iterator[SqliteMembershipIndex]:
    """An index in the folder for temporary files (`TMPDIR`), deleted on exit."""
    with tempfile.TemporaryDirectory(prefix="team-joiner-doctor-") as folder:
        index = SqliteMembershipIndex(Path(folder) / "index.sqlite")
        try:
            yield index
        finally:
            index.close()
