"""Findings in one document, and the repaired team.

Dry run and repair share these decisions, so they cannot disagree.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.doctor.rules.fields import (
    capacity_of,
    created_at_of,
    deleted_at_of,
    digest_id_of,
    is_time,
    name_of,
    team_id_of,
    version_of,
)
from app.doctor.rules.findings import Finding
from app.doctor.rules.stored_team import (
    ABSENT,
    Absent,
    StoredTeam,
    StoredValue,
    as_text,
    show,
)
from app.domain.ids import TeamId, UserId, Version, is_well_formed_id

MAX_NOTES = 3
"""Notes on one finding in one document; the others are counted."""


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """The repaired team; without notes the document needs no repair.

    `version` is the stored one if valid, else None; `Examination.plan` sets the next one from the
    change log. `notes` describe the changes. `deleted_at` is ABSENT for a live team, None for a
    team deleted at an unknown time.
    """

    team: StoredTeam
    id: TeamId
    id_is_kept: bool
    name: str
    user_ids: tuple[UserId, ...]
    version: Version | None
    capacity: int | None
    created_at: datetime | None
    deleted_at: datetime | Absent | None
    notes: Mapping[Finding, Sequence[str]]


_Notes = defaultdict[Finding, list[str]]


def plan_repair(
    team: StoredTeam,
    *,
    default_capacity: int,
    departures: Mapping[UserId, TeamId] | None = None,
    id_is_taken: bool = False,
) -> RepairPlan:
    """Plan the repair of a document; users in `departures` leave it for the teams given there.

    `id_is_taken`: another document has the id that this one would get.
    """
    notes: _Notes = defaultdict(list)
    id_, id_is_kept = team_id_of(team)
    if id_is_taken:
        id_ = digest_id_of(team)
    if not id_is_kept:
        notes[Finding.TEAM_ID].append(f"id {show(team.id)} becomes {id_!r}")
    if (name := name_of(team.name, id_)) != team.name:
        notes[Finding.NAME].append(f"name {show(team.name)} becomes {name!r}")
    if (version := version_of(team.version)) is None:
        notes[Finding.NO_VERSION].append(f"version is {show(team.version)}")
    capacity = capacity_of(team.capacity)
    if type(capacity) is not type(team.capacity) or capacity != team.capacity:
        becomes = "the default" if capacity is ABSENT else capacity
        notes[Finding.CAPACITY].append(f"capacity {show(team.capacity)} becomes {becomes}")
    deleted_at = deleted_at_of(team.deleted_at)
    if deleted_at != team.deleted_at or not all(map(is_time, (team.created_at, team.updated_at))):
        notes[Finding.TIMES].append("invalid dates are parsed or removed")
    if not team.has_sound_marks:
        notes[Finding.MARKS].append("creation, lastChange and requests are reset")

    user_ids = _members(team.user_ids, notes)
    if deleted_at is not ABSENT and user_ids:
        notes[Finding.DELETED_WITH_MEMBERS].append(f"{len(user_ids)} members are removed")
        user_ids = ()
    leaving = {
        user_id: departures[user_id] for user_id in user_ids if departures and user_id in departures
    }
    for user_id, kept_id in leaving.items():
        notes[Finding.USER_ON_SEVERAL_TEAMS].append(f"{user_id!r} stays on {kept_id}")
    if leaving:
        user_ids = tuple(user_id for user_id in user_ids if user_id not in leaving)
    # A valid team may be over a default capacity that was lowered since: that is no damage.
    limit = capacity if isinstance(capacity, int) else default_capacity if version is None else None
    if limit is not None and len(user_ids) > limit:
        capacity = len(user_ids)
        notes[Finding.OVER_CAPACITY].append(f"{capacity} of {limit}: capacity becomes {capacity}")
    return RepairPlan(
        team=team,
        id=id_,
        id_is_kept=id_is_kept,
        name=name,
        user_ids=user_ids,
        version=version,
        capacity=capacity if isinstance(capacity, int) else None,
        created_at=created_at_of(team),
        deleted_at=deleted_at,
        notes={Finding.TOO_LARGE: ("shorten it by hand",)}
        if team.is_too_large
        else {finding: _shortened(lines) for finding, lines in notes.items()},
    )


def _shortened(lines: list[str]) -> tuple[str, ...]:
    more = len(lines) - MAX_NOTES
    return (*lines[:MAX_NOTES], f"{more} more") if more > 0 else tuple(lines)


def _members(stored: tuple[StoredValue, ...] | StoredValue, notes: _Notes) -> tuple[UserId, ...]:
    """The valid user ids of an array, without repetitions, in order of first occurrence."""
    if not isinstance(stored, tuple):
        notes[Finding.NO_MEMBERS_ARRAY].append(f"userIds is {show(stored)}")
        stored = () if stored in (None, ABSENT) else (stored,)
    members: dict[UserId, None] = {}
    for value in stored:
        text = as_text(value)
        if text is None or not is_well_formed_id(text):
            notes[Finding.UNUSABLE_USER_ID].append(f"{show(value)} is removed")
            continue
        if text != value:
            notes[Finding.CONVERTED_USER_ID].append(f"{show(value)} becomes {text!r}")
        if text in members:
            notes[Finding.REPEATED_USER].append(f"{text!r} is repeated")
        members[UserId(text)] = None
    return tuple(members)
