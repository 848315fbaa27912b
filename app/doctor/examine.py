"""Examine every document and report damage and planned repairs, without writing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.doctor.membership_index import MembershipIndex
from app.doctor.progress import progress
from app.doctor.rules.fields import team_id_of
from app.doctor.rules.findings import Finding
from app.doctor.rules.memberships import Keep, Membership, choose_membership
from app.doctor.rules.repair_plan import RepairPlan, plan_repair
from app.doctor.rules.stored_team import StoredTeam, TeamKey
from app.doctor.storage.structure import Obstacle
from app.doctor.storage.teams import StoredTeams
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
    cases: Mapping[Finding, Sequence[RepairPlan]]
    conflicts: Sequence[MembershipConflict]
    unresolved: int
    obstacles: Sequence[Obstacle]
    keep: Keep

    @property
    def is_well(self) -> bool:
        """True if nothing needs a repair."""
        return not self.broken and not self.obstacles


@dataclass(frozen=True, slots=True)
class Examination:
    """An examination by one policy, which fills the index; a repair plans with it too."""

    teams: StoredTeams
    index: MembershipIndex
    keep: Keep
    default_capacity: int

    async def examine(self) -> Report:
        """Report the damage; fills the index with the teams to repair and the departures."""
        counts: Counter[Finding] = Counter()
        firsts: defaultdict[Finding, list[TeamKey]] = defaultdict(list)
        examined = 0
        with progress("Reading the teams", await self.teams.count()) as bar:
            async for batch in batches(self.teams.walk()):
                for team in batch:
                    plan = plan_repair(team, default_capacity=self.default_capacity)
                    self.index.add(plan)
                    for finding in plan.notes:
                        counts[finding] += 1
                        if counts[finding] <= SHOWN:
                            firsts[finding].append(team.key)
                examined += len(batch)
                bar.update(len(batch))
        with progress("Comparing the users", 1) as bar:
            # In a thread of its own: a long sort must not keep the lease from being renewed.
            users, unresolved, conflicts = await asyncio.to_thread(self._resolve_all)
            bar.update(1)
        if users:
            counts[Finding.USER_ON_SEVERAL_TEAMS] = users
        wanted = sorted({key for keys in firsts.values() for key in keys})
        plans = await self.plan([team async for team in self.teams.read(wanted)])
        by_key = {plan.team.key: plan for plan in plans}
        return Report(
            examined=examined,
            broken=self.index.count_broken(),
            counts=counts,
            cases={
                finding: [by_key[key] for key in keys if key in by_key]
                for finding, keys in firsts.items()
            },
            conflicts=conflicts,
            unresolved=unresolved,
            obstacles=await self.teams.obstacles(),
            keep=self.keep,
        )

    async def plan(self, found: Sequence[StoredTeam]) -> list[RepairPlan]:
        """Plan complete repairs, with each team's next version and a free id.

        Report and repair both plan through this method, so they cannot disagree.
        """
        ids = {team.key: team_id_of(team) for team in found}
        taken = await self.teams.taken_ids([id_ for id_, is_kept in ids.values() if not is_kept])
        plans = [
            plan_repair(
                team,
                default_capacity=self.default_capacity,
                departures=self.index.departures(team.key),
                id_is_taken=not ids[team.key][1] and ids[team.key][0] in taken,
            )
            for team in found
        ]
        # Versions are never reused: the next one follows both the stored and the recorded one.
        recorded = await self.teams.recorded_versions([plan.id for plan in plans])
        return [
            replace(plan, version=Version(max(plan.version or 0, recorded.get(plan.id, 0)) + 1))
            for plan in plans
        ]

    def _resolve_all(self) -> tuple[int, int, Sequence[MembershipConflict]]:
        """Store the departures; returns the counts of conflicts and unresolved ones, and cases."""
        users = unresolved = 0
        conflicts: list[MembershipConflict] = []
        for user_id, memberships, answer in self.index.conflicts():
            kept = choose_membership(memberships, self.keep, answer)
            users += 1
            if len(conflicts) < SHOWN:
                conflicts.append(MembershipConflict(user_id, memberships, kept))
            if kept is None:
                unresolved += 1
                continue
            for membership in memberships:
                if membership.key != kept.key:
                    self.index.add_departure(membership.key, user_id, kept.team_id)
        return users, unresolved, conflicts


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
