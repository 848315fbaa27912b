"""Examine every document and report damage and planned repairs, without writing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.doctor.membership_index import MembershipIndex
from app.doctor.ports import Obstacle, PlannedRepair, Progress, StoredTeams
from app.doctor.rules.fields import team_id_of
from app.doctor.rules.memberships import Keep, Membership, choose_membership
from app.doctor.rules.repair_plan import Finding, plan_repair
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.domain.ids import UserId, Version

SHOWN = 5
"""Cases shown of each finding."""

TEAMS_AT_ONCE = 500
BYTES_AT_ONCE = 1_000_000
"""Size of a batch: few round trips, and several copies fit into memory."""


@dataclass(frozen=True, slots=True)
class MembershipConflict:
    """A user on several teams; `kept` is None if the operator's file has no valid answer."""

    user_id: UserId
    memberships: Sequence[Membership]
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
    with progress("Reading the teams", await teams.count()) as bar:
        async for batch in batches(teams.walk()):
            for team in batch:
                plan = plan_repair(team, default_capacity=default_capacity)
                index.add(plan)
                for finding in plan.findings:
                    counts[finding] += 1
                    if counts[finding] <= SHOWN:
                        firsts[finding].append(team.key)
            examined += len(batch)
            bar.update(len(batch))
    with progress("Comparing the users", 1) as bar:
        # In a thread of its own: a long sort must not keep the lease from being renewed.
        users, unresolved, conflicts = await asyncio.to_thread(_resolve_all, index, keep)
        bar.update(1)
    if users:
        counts[Finding.USER_ON_SEVERAL_TEAMS] = users
    wanted = sorted({key for keys in firsts.values() for key in keys})
    found = [team async for team in teams.read(wanted)]
    planned = await plan_repairs(teams, found, index, default_capacity=default_capacity)
    repairs = {each.team.key: each for each in planned}
    return Report(
        examined=examined,
        broken=index.count_broken(),
        counts=counts,
        cases={
            finding: [repairs[key] for key in keys if key in repairs]
            for finding, keys in firsts.items()
        },
        conflicts=conflicts,
        unresolved=unresolved,
        obstacles=await teams.obstacles(),
        keep=keep,
    )


async def batches(found: AsyncIterator[StoredTeam]) -> AsyncIterator[list[StoredTeam]]:
    """Split teams into batches of limited number and size."""
    batch: list[StoredTeam] = []
    size = 0
    async for team in found:
        batch.append(team)
        size += len(team.stored)
        if size > BYTES_AT_ONCE or len(batch) == TEAMS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


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
    # Versions are never reused: the next one follows both the stored and the recorded one.
    recorded = await teams.recorded_versions([plan.id for plan in plans])
    return [
        PlannedRepair(
            team,
            replace(plan, version=Version(max(plan.version or 0, recorded.get(plan.id, 0)) + 1)),
        )
        for team, plan in zip(found, plans, strict=True)
    ]


def _resolve_all(
    index: MembershipIndex, keep: Keep
) -> tuple[int, int, Sequence[MembershipConflict]]:
    """Enter the departures; the number of users on several teams, of unresolved ones, and cases."""
    users = unresolved = 0
    conflicts: list[MembershipConflict] = []
    for user_id, memberships, answer in index.conflicts():
        kept = choose_membership(memberships, keep, answer)
        users += 1
        if len(conflicts) < SHOWN:
            conflicts.append(MembershipConflict(user_id, memberships, kept))
        if kept is None:
            unresolved += 1
            continue
        for membership in memberships:
            if membership.key != kept.key:
                index.add_departure(membership.key, user_id, kept.team_id)
    return users, unresolved, conflicts
