"""Examine every document and report damage and planned repairs, without writing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.doctor.ports import MembershipIndex, Obstacle, PlannedRepair, Progress, StoredTeams
from app.doctor.rules.fields import team_id_of
from app.doctor.rules.memberships import Keep, Membership, choose_membership
from app.doctor.rules.repair_plan import Finding, RepairPlan, plan_repair
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.ids import UserId, Version

# Of each finding so many cases are shown: enough to see the pattern, few enough to read.
SHOWN = 5

_PARTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MembershipConflict:
    """A user on several teams; `kept` is None where the operator's file does not say."""

    user_id: UserId
    memberships: tuple[Membership, ...]
    kept: Membership | None


@dataclass(frozen=True, slots=True)
class Report:
    """Result of an examination. `counts` are documents; users for `USER_ON_SEVERAL_TEAMS`."""

    examined: int
    broken: int
    counts: Mapping[Finding, int]
    cases: Mapping[Finding, Sequence[PlannedRepair]]
    conflicts: Sequence[MembershipConflict]
    unresolved: int
    obstacles: Sequence[Obstacle]
    keep: Keep

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a repair."""
        return not self.broken and not self.obstacles


@dataclass(slots=True)
class _Resolved:
    users: int = 0
    unresolved: int = 0
    conflicts: tuple[MembershipConflict, ...] = ()


async def examine(
    teams: StoredTeams,
    index: MembershipIndex,
    *,
    keep: Keep,
    default_capacity: int,
    progress: Progress,
) -> Report:
    """Report the damage; fills the index with the teams to repair and the departures."""
    counts: Counter[Finding] = Counter()
    firsts: defaultdict[Finding, list[TeamKey]] = defaultdict(list)
    examined = 0
    progress.begin("Reading the teams", await teams.count())
    async for team in teams.walk():
        found = plan_repair(team, default_capacity=default_capacity)
        index.add(found)
        for finding in found.findings:
            counts[finding] += 1
            if counts[finding] <= SHOWN:
                firsts[finding].append(team.key)
        examined += 1
        if examined % _PARTS_AT_ONCE == 0:
            progress.advance(_PARTS_AT_ONCE)
    progress.begin("Comparing the users", 1)
    # In a thread of its own: a long sort must not keep the lease from being renewed.
    resolved = await asyncio.to_thread(_resolve_all, index, keep)
    progress.advance(1)
    if resolved.users:
        counts[Finding.USER_ON_SEVERAL_TEAMS] = resolved.users
    wanted = sorted({key for keys in firsts.values() for key in keys})
    repairs = {
        each.team.key: each
        for each in await plan_repairs(
            teams,
            [team async for team in teams.read(wanted)],
            index,
            default_capacity=default_capacity,
        )
    }
    return Report(
        examined=examined,
        broken=index.count_broken(),
        counts=counts,
        cases={
            finding: [repairs[key] for key in keys if key in repairs]
            for finding, keys in firsts.items()
        },
        conflicts=resolved.conflicts,
        unresolved=resolved.unresolved,
        obstacles=await teams.obstacles(),
        keep=keep,
    )


async def plan_repairs(
    teams: StoredTeams,
    found: Sequence[StoredTeam],
    index: MembershipIndex,
    *,
    default_capacity: int,
) -> list[PlannedRepair]:
    """Plan complete repairs, with each team's next version and a free id.

    Report and repair both plan through this function, so they cannot disagree.
    """
    new_ids = {
        team.key: id_ for team in found for id_, is_kept in [team_id_of(team)] if not is_kept
    }
    taken = await teams.taken_ids(list(new_ids.values()))
    plans = [
        plan_repair(
            team,
            default_capacity=default_capacity,
            departures=index.departures(team.key),
            id_is_taken=new_ids.get(team.key) in taken,
        )
        for team in found
    ]
    recorded = await teams.recorded_versions([each.id for each in plans])
    return [
        PlannedRepair(team, _with_next_version(each, recorded.get(each.id, 0)))
        for team, each in zip(found, plans, strict=True)
    ]


def _with_next_version(team: RepairPlan, recorded: int) -> RepairPlan:
    """Versions are never reused: the next one follows both the stored and the recorded one."""
    return replace(team, version=Version(max(team.version or 0, recorded) + 1))


def _resolve_all(index: MembershipIndex, keep: Keep) -> _Resolved:
    resolved = _Resolved()
    for user_id, memberships, answer in index.conflicts():
        kept = choose_membership(memberships, keep, answer)
        resolved.users += 1
        if len(resolved.conflicts) < SHOWN:
            resolved.conflicts += (MembershipConflict(user_id, tuple(memberships), kept),)
        if kept is None:
            resolved.unresolved += 1
            continue
        for membership in memberships:
            if membership.key != kept.key:
                index.add_departure(membership.key, user_id, kept.team_id)
    return resolved
