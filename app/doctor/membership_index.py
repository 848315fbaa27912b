"""Index of all memberships in a temporary SQLite database.

No MongoDB query, since equality of user ids (5, "5" and " 5" are equal) is decided by the rules, a
dry run writes nothing into the database, and the memory is bounded here.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from app.doctor.rules.memberships import Membership
from app.doctor.rules.repair_plan import RepairPlan
from app.doctor.rules.stored_team import TeamKey
from app.domain.ids import TeamId, UserId

# The pages that SQLite keeps in memory, also while it sorts; the rest is on disk.
CACHE_KILOBYTES = 24_000

BROKEN_AT_ONCE = 200

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
SELECT member.user, answer.team, team.key, team.id, team.name, team.made_at, team.size, member.place
FROM (SELECT user FROM member GROUP BY user HAVING COUNT(*) > 1) AS several
JOIN member ON member.user = several.user
JOIN team ON team.number = member.team
LEFT JOIN answer ON answer.user = member.user
ORDER BY member.user
"""
_BROKEN = """
FROM team WHERE is_broken OR key IN (SELECT key FROM departure)
"""


class MembershipIndex:
    """Memberships, the operator's answers and the departures, until `close`.

    An unnamed SQLite database lives in an unlinked file in `TMPDIR`, so that a killed process
    leaves nothing behind. *Limits*: 67 bytes of disk for each of 500,000 memberships.
    """

    def __init__(self) -> None:
        # One thread at a time uses it, not always the same one.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
            f"PRAGMA cache_size = -{CACHE_KILOBYTES}; {_TABLES}"
        )
        # Never committed: each commit would write the cached pages, and nothing is to be kept.
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Delete the database."""
        self._database.close()

    def add(self, plan: RepairPlan) -> None:
        """Add a team with its members, and whether its document is itself broken."""
        made_at = int(plan.created_at.timestamp() * 1000) if plan.created_at else None
        size, is_broken = len(plan.user_ids), bool(plan.notes)
        team = plan.team.key, plan.id, plan.name, made_at, size, is_broken
        added = self._database.execute("INSERT INTO team VALUES (NULL, ?, ?, ?, ?, ?, ?)", team)
        number = added.lastrowid
        members = [(user_id, number, place) for place, user_id in enumerate(plan.user_ids)]
        self._database.executemany("INSERT INTO member VALUES (?, ?, ?)", members)

    def answer(self, user_id: UserId, team_id: TeamId) -> None:
        """Store the operator's choice of a team for a user."""
        self._database.execute("INSERT OR REPLACE INTO answer VALUES (?, ?)", (user_id, team_id))

    def conflicts(self) -> Iterator[tuple[UserId, Sequence[Membership], TeamId | None]]:
        """Users on several teams, ordered by id, with the operator's choice."""
        # Built after the last team: once, by sorting.
        self._database.execute("CREATE INDEX IF NOT EXISTS users ON member (user, team, place)")
        rows = self._database.execute(_CONFLICTS)
        for (user_id, answer), found in groupby(rows, key=lambda row: row[:2]):
            yield UserId(user_id), [Membership(*row[2:]) for row in found], answer

    def add_departure(self, key: TeamKey, user_id: UserId, kept: TeamId) -> None:
        """Store that a user leaves this team and stays on another."""
        self._database.execute("INSERT INTO departure VALUES (?, ?, ?)", (key, user_id, kept))

    def departures(self, key: TeamKey) -> Mapping[UserId, TeamId]:
        """The users who leave this team, with the team where each stays."""
        found = self._database.execute("SELECT user, kept FROM departure WHERE key = ?", (key,))
        return dict(found)

    def broken_teams(self) -> Iterator[Sequence[TeamKey]]:
        """Keys of the teams to repair, in batches, in the order they were added."""
        rows = self._database.execute(f"SELECT key {_BROKEN} ORDER BY number")
        while keys := [TeamKey(key) for (key,) in rows.fetchmany(BROKEN_AT_ONCE)]:
            yield keys

    def count_broken(self) -> int:
        """Number of teams to repair."""
        (count,) = self._database.execute(f"SELECT COUNT(*) {_BROKEN}").fetchone()
        return int(count)
