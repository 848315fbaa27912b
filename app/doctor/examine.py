"""Looks at every document and says what is wrong and what it would become; writes nothing."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.doctor.ports import ClassicTeams, Ledger, Progress
from app.doctor.repairs import Obstacle, Treatment
from app.doctor.rules.fields import team_id_of
from app.doctor.rules.memberships import Keep, Membership, settle
from app.doctor.rules.repair_plan import Cure, Finding, cure
from app.doctor.rules.stored_team import ClassicTeam, TeamKey
from app.domain.ids import UserId, Version

# Of each finding so many cases are shown: enough to see the pattern, few enough to read.
SHOWN = 5

_PARTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Contest:
    """A user on several teams; `kept` is None where the operator's file does not say."""

    user_id: UserId
    memberships: tuple[Membership, ...]
    kept: Membership | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `counts` are documents, but users for `USER_ON_SEVERAL_TEAMS`."""

    examined: int
    broken: int
    counts: Mapping[Finding, int]
    cases: Mapping[Finding, Sequence[Treatment]]
    contests: Sequence[Contest]
    unsettled: int
    obstacles: Sequence[Obstacle]
    keep: Keep

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a repair."""
        return not self.broken and not self.obstacles


@dataclass(slots=True)
class _Settled:
    users: int = 0
    unsettled: int = 0
    contests: tuple[Contest, ...] = ()


async def examine(
    teams: ClassicTeams,
    ledger: Ledger,
    *,
    keep: Keep,
    default_capacity: int,
    progress: Progress,
) -> Report:
    """The report; the ledger then knows which teams need a repair and whom each of them loses."""
    counts: Counter[Finding] = Counter()
    firsts: defaultdict[Finding, list[TeamKey]] = defaultdict(list)
    examined = 0
    progress.begin("Reading the teams", await teams.count())
    async for team in teams.walk():
        found = cure(team, default_capacity=default_capacity)
        ledger.add(found)
        for finding in found.findings:
            counts[finding] += 1
            if counts[finding] <= SHOWN:
                firsts[finding].append(team.key)
        examined += 1
        if examined % _PARTS_AT_ONCE == 0:
            progress.advance(_PARTS_AT_ONCE)
    progress.begin("Comparing the users", 1)
    # In a thread of its own: a long sort must not keep the lease from being renewed.
    settled = await asyncio.to_thread(_settle_all, ledger, keep)
    progress.advance(1)
    if settled.users:
        counts[Finding.USER_ON_SEVERAL_TEAMS] = settled.users
    wanted = sorted({key for keys in firsts.values() for key in keys})
    treatments = {
        each.team.key: each
        for each in await treat(
            teams,
            [team async for team in teams.read(wanted)],
            ledger,
            default_capacity=default_capacity,
        )
    }
    return Report(
        examined=examined,
        broken=ledger.count_patients(),
        counts=counts,
        cases={
            finding: [treatments[key] for key in keys if key in treatments]
            for finding, keys in firsts.items()
        },
        contests=settled.contests,
        unsettled=settled.unsettled,
        obstacles=await teams.obstacles(),
        keep=keep,
    )


async def treat(
    teams: ClassicTeams, found: Sequence[ClassicTeam], ledger: Ledger, *, default_capacity: int
) -> list[Treatment]:
    """What each of these becomes, whole: with its next version, and an id that is free.

    This is the only way to a treatment, for the report and for the repair.
    """
    new_ids = {
        team.key: id_ for team in found for id_, is_kept in [team_id_of(team)] if not is_kept
    }
    taken = await teams.taken_ids(list(new_ids.values()))
    cures = [
        cure(
            team,
            default_capacity=default_capacity,
            losses=ledger.losses(team.key),
            id_is_taken=new_ids.get(team.key) in taken,
        )
        for team in found
    ]
    recorded = await teams.recorded_versions([each.id for each in cures])
    return [
        Treatment(team, _with_next_version(each, recorded.get(each.id, 0)))
        for team, each in zip(found, cures, strict=True)
    ]


def _with_next_version(team: Cure, recorded: int) -> Cure:
    """A version is never used twice: the next one follows the stored and the recorded one."""
    return replace(team, version=Version(max(team.version or 0, recorded) + 1))


def _settle_all(ledger: Ledger, keep: Keep) -> _Settled:
    settled = _Settled()
    for user_id, memberships, answer in ledger.contested():
        kept = settle(memberships, keep, answer)
        settled.users += 1
        if len(settled.contests) < SHOWN:
            settled.contests += (Contest(user_id, tuple(memberships), kept),)
        if kept is None:
            settled.unsettled += 1
            continue
        for membership in memberships:
            if membership.key != kept.key:
                ledger.lose(membership.key, user_id, kept.team_id)
    return settled
