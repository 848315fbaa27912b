"""Puts changes behind the last recorded ones of their teams, each under the next version.

A team's version is set by our writes alone, and then each change follows the one before. Another
program may set it anywhere. A higher version leaves a gap. A lower one, or one beyond all measure,
would let the changes after it be taken for recorded ones, so they get the versions that are next in
the log, and the team's own version is to be brought back to where the log is.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.changes import ChangeKind
from app.domain.ids import MAX_VERSION
from app.storage.changes.documents import describe_change, describe_gap

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LastChange:
    """A team's last recorded change; `known_until` is when it was committed, or the team read."""

    version: int = 0
    kind: str = ""
    at: datetime | None = None
    user_id: str | None = None
    known_until: int | None = None

    def covers(self, change: Mapping[str, Any]) -> bool:
        """Whether a change of this version or a lower one is recorded already.

        An event is if it is no later. A team that was read again is if it still tells this change.
        """
        if "readAt" in change:
            said = (change["kind"], change["at"], change.get("userId"))
            return change["version"] == self.version and (
                said == (self.kind, self.at, self.user_id)
                or ChangeKind.FOREIGN_CHANGE in {self.kind, change["kind"]}
            )
        if self.known_until is None:  # another program's entry, or one of the first releases
            said = (change["kind"], change.get("at"), change.get("userId"))
            return change["version"] == self.version and said == (self.kind, self.at, self.user_id)
        return bool(change.get("commitTime", 0) <= self.known_until)


@dataclass(frozen=True, slots=True)
class Strayed:
    """A team whose version, when it was `seen`, was recorded as another one."""

    seen: int
    recorded: int


def in_sequence(
    found: Iterable[Mapping[str, Any]], last_changes: Mapping[str, LastChange]
) -> tuple[list[Mapping[str, Any]], dict[str, Strayed]]:
    """The changes that are new, each at its version, and the teams that have strayed."""
    new: list[Mapping[str, Any]] = []
    strayed: dict[str, Strayed] = {}
    last_here: dict[str, tuple[int, str]] = {}
    for change in found:
        team_id = change["teamId"]
        before = last_changes.get(team_id, LastChange())
        last, last_kind = last_here.get(team_id, (before.version, before.kind))
        seen = change.get("version")
        if seen is None:
            if last_kind in ("", ChangeKind.TEAM_DELETED):
                continue
            version = last + 1
            strayed.pop(team_id, None)
        elif last < seen < MAX_VERSION:
            version = seen
            if version > last + 1:
                logger.error(
                    "History is lost: team %s, versions %s to %s.", team_id, last + 1, version - 1
                )
                new.append(describe_gap(team_id, last + 1, version - 1))
            strayed.pop(team_id, None)
        elif seen <= last and before.covers(change):
            continue
        elif seen == last and change["kind"] == ChangeKind.FOREIGN_CHANGE:
            # A repair that has brought back what an undo had taken: the team is where the log is.
            strayed.pop(team_id, None)
            logger.warning("A foreign write to team %s made no version.", team_id)
            continue
        else:
            version = last + 1
            logger.error(
                "Another program has set the version of team %s back, or beyond all measure: its "
                "version %s is recorded as %s.",
                team_id,
                seen,
                version,
            )
            if "readAt" in change and before.at is not None and change["at"] <= before.at:
                # What the team says of its last change is of one that is recorded.
                change = {**change, **describe_change(team_id, version, None, at=change["at"])}  # noqa: PLW2901
            strayed[team_id] = Strayed(seen, version)
        new.append({**change, "version": version})
        last_here[team_id] = version, change["kind"]
    return new, strayed
