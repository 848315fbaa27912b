"""The kinds of damage, and of difference between the change log and the teams.

The values appear in `--json`, the headings in the report.
"""

from enum import StrEnum
from typing import Self


class _Headed(StrEnum):
    heading: str

    def __new__(cls, value: str, heading: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.heading = heading
        return member


class Finding(_Headed):
    """Kinds of damage, in the order of the report."""

    USER_ON_SEVERAL_TEAMS = "userOnSeveralTeams", "Users on several teams"
    REPEATED_USER = "repeatedUser", "Teams with a repeated user"
    CONVERTED_USER_ID = "convertedUserId", "Teams with user ids of another type"
    UNUSABLE_USER_ID = "unusableUserId", "Teams with invalid user ids"
    NO_MEMBERS_ARRAY = "noMembersArray", "Teams whose userIds is not an array"
    DELETED_WITH_MEMBERS = "deletedWithMembers", "Deleted teams with members"
    OVER_CAPACITY = "overCapacity", "Teams over their capacity"
    NO_VERSION = "noVersion", "Teams without a valid version"
    NAME = "name", "Teams without a valid name"
    CAPACITY = "capacity", "Teams with an invalid capacity"
    TIMES = "times", "Teams with invalid times"
    MARKS = "marks", "Teams with invalid metadata"
    TEAM_ID = "teamId", "Teams with an unsupported id"
    TOO_LARGE = "tooLarge", "Documents too large to be repaired"


class LogFinding(_Headed):
    """Kinds of difference, then `REASONS` for not comparing, in the order of the report."""

    MISSING_ENTRIES = "missingEntries", "Teams without an entry for a version"
    CONTRADICTION = "contradiction", "Teams with an entry that contradicts those before it"
    NO_DOCUMENT = "noDocument", "Teams without a document"
    VERSION = "version", "Teams whose version is lower than the last one in the log"
    DELETION = "deletion", "Teams that the log gives as deleted, or as live, and that are not"
    MEMBERS = "members", "Teams with other members"
    NAME = "name", "Teams with another name"
    CAPACITY = "capacity", "Teams with another capacity"

    UNKNOWN = "unknown", "Compared in part, after a HistoryGap or a ForeignChange; unknown"
    UNRECORDED = "unrecorded", "Not compared, since the last changes are not recorded yet"
    CHANGING = "changing", "Not compared, since they changed at every attempt"
    DAMAGED = "damaged", "Not compared, since they are damaged; see the report without --log"


REASONS = frozenset(
    {LogFinding.UNKNOWN, LogFinding.UNRECORDED, LogFinding.CHANGING, LogFinding.DAMAGED}
)
