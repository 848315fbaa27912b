"""The sequence of versions in the change log, also where an external writer changed a version.

The service's own writes increment a team's version by one. An external writer may set it to any
number. A higher one leaves a gap. After a lower one, or one above `MAX_VERSION`, new changes would
be taken for recorded ones; they get the next versions of the log instead, and the team's own
version has to be corrected to the log's.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.changes import ChangeKind
from app.domain.ids import MAX_VERSION
from app.storage.changes.documents import describe_change, describe_gap

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LastChange:
    """A team's last recorded change; `known_until`: committed, or the team read, at that time."""

    version: int = 0
    kind: str = ""
    at: datetime | None = None
    user_id: str | None = None
    known_until: int | None = None

    def covers(self, change: Mapping[str, Any]) -> bool:
        """True if a change of this version or a lower one is already recorded.

        An event is recorded if it is not later. A change read from the team is recorded if it is
        this one. An entry without a time, of an external writer or an early release, is compared
        by its content.
        """
        is_read_again = "readAt" in change
        if not is_read_again and self.known_until is not None:
            return bool(change.get("commitTime", 0) <= self.known_until)
        is_foreign = is_read_again and ChangeKind.FOREIGN_CHANGE in {self.kind, change["kind"]}
        content = (change["kind"], change.get("at"), change.get("userId"))
        return change["version"] == self.version and (
            is_foreign or content == (self.kind, self.at, self.user_id)
        )


@dataclass(frozen=True, slots=True)
class VersionMismatch:
    """A team whose version `seen` was recorded as another one."""

    seen: int
    recorded: int


def in_sequence(
    found: Sequence[Mapping[str, Any]], last_changes: Mapping[str, LastChange]
) -> tuple[list[Mapping[str, Any]], dict[str, VersionMismatch]]:
    """The new changes, each with its version in the log, and the teams with another version."""
    new: list[Mapping[str, Any]] = []
    mismatches: dict[str, VersionMismatch] = {}
    last_here: dict[str, tuple[int, str]] = {}
    # Of a write read from its team, only the last change tells whether the version was set back.
    last_read = {
        change["teamId"]: change["version"]
        for change in found
        if "readAt" in change and "version" in change
    }
    for change in found:
        team_id = change["teamId"]
        before = last_changes.get(team_id, LastChange())
        last, last_kind = last_here.get(team_id, (before.version, before.kind))
        seen = change.get("version")
        if seen is None:
            if last_kind in ("", ChangeKind.TEAM_DELETED):
                continue
            version = last + 1
            mismatches.pop(team_id, None)
        elif last < seen < MAX_VERSION:
            version = seen
            if version > last + 1:
                logger.error(
                    "History is lost: team %s, versions %s to %s.", team_id, last + 1, version - 1
                )
                new.append(describe_gap(team_id, last + 1, version - 1))
            mismatches.pop(team_id, None)
        elif seen <= last and (before.covers(change) or seen < last_read.get(team_id, 0)):
            continue
        elif seen == last and change["kind"] == ChangeKind.FOREIGN_CHANGE:
            # The doctor has repaired what its undo had reverted: the team is at the log's version.
            mismatches.pop(team_id, None)
            logger.warning("A foreign write to team %s made no version.", team_id)
            continue
        else:
            version = last + 1
            logger.error(
                "An external writer has set the version of team %s back, or above the maximum: its "
                "version %s is recorded as %s.",
                team_id,
                seen,
                version,
            )
            if "readAt" in change and before.at is not None and change["at"] <= before.at:
                # The team's `lastChange` describes a change that is already recorded.
                change = {**change, **describe_change(team_id, version, None, at=change["at"])}  # noqa: PLW2901
            mismatches[team_id] = VersionMismatch(seen, version)
        new.append({**change, "version": version})
        last_here[team_id] = version, change["kind"]
    return new, mismatches
