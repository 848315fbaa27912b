"""The service as it should be, in memory: every request is carried out at one moment, alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.lab.checker.history import (
    Accepted,
    FinalTeam,
    Kind,
    LoggedChange,
    Outcome,
    Refused,
    Request,
    TeamRead,
    TeamVersion,
    UserRead,
)
from tests.lab.checker.register import ADDS, REMOVES

DEFAULT_CAPACITY = 6


@dataclass
class _Team:
    id: str
    capacity: int
    members: list[str] = field(default_factory=list)
    deleted: bool = False
    log: list[LoggedChange] = field(default_factory=list)

    @property
    def seen(self) -> TeamVersion:
        return TeamVersion(self.id, len(self.log))


class SimulatedService:
    """Answers requests as the design says, in the design's order of problems."""

    def __init__(self) -> None:
        self._teams: dict[str, _Team] = {}
        self._made: dict[str, list[_Team]] = {}

    def carry_out(self, request: Request) -> Outcome:
        """The outcome, as of this moment."""
        match request.kind:
            case Kind.READ_USER:
                team = self._team_of(request.user_id)
                return UserRead(team.seen if team else None)
            case Kind.READ_TEAM:
                team = self._live(request.team_id)
                if team is None:
                    return TeamRead(None)
                return TeamRead(team.seen.version, frozenset(team.members))
        if request.request_id in self._made:
            now = tuple(team.seen for team in self._made[request.request_id])
            return Accepted(now, replayed=True)
        problem = self._find_problem(request)
        if problem is not None:
            return problem
        changed = self._change(request)
        if request.request_id is not None:
            self._made[request.request_id] = changed
        return Accepted(tuple(team.seen for team in changed))

    @property
    def team_ids(self) -> list[str]:
        """All teams that there ever were."""
        return list(self._teams)

    def final_teams(self) -> dict[str, FinalTeam]:
        """Everything as it stands."""
        return {
            team.id: FinalTeam(
                version=len(team.log),
                members=tuple(team.members),
                log=tuple(team.log),
                deleted=team.deleted,
            )
            for team in self._teams.values()
        }

    def _live(self, team_id: str | None) -> _Team | None:
        team = self._teams.get(team_id or "")
        return None if team is None or team.deleted else team

    def _team_of(self, user_id: str | None) -> _Team | None:
        return next((team for team in self._teams.values() if user_id in team.members), None)

    def _find_problem(self, request: Request) -> Refused | None:
        if request.kind is Kind.CREATE_TEAM:
            return None
        target, current = self._live(request.team_id), self._team_of(request.user_id)
        named = [target]
        if request.from_team_id is not None:
            named.append(self._live(request.from_team_id))
        if target is None or None in named:
            return Refused("TeamNotFound")
        is_move = request.kind is Kind.MOVE_USER
        on_target = current is target
        if (request.kind in ADDS and current) or (is_move and current and on_target):
            return Refused("AlreadyOnTeam", user_team=current.seen)
        source = self._live(request.from_team_id) if request.from_team_id else current
        if (request.kind in REMOVES and not on_target) or (
            is_move and (current is None or current is not source)
        ):
            return Refused("NotOnTeam", user_team=current.seen if current else None)
        expected = [(target, request.expected_version)]
        if is_move and current is not None:
            expected.append((current, request.expected_from_version))
        for team, version in expected:
            if version not in (None, team.seen.version):
                return Refused("VersionConflict", actual_version=team.seen.version)
        if (request.kind in ADDS or is_move) and len(target.members) >= target.capacity:
            return Refused("TeamFull", capacity=target.capacity)
        if request.capacity is not None and len(target.members) > request.capacity:
            return Refused("TeamFull", capacity=request.capacity)
        return None

    def _change(self, request: Request) -> list[_Team]:
        user = request.user_id or ""
        if request.kind is Kind.CREATE_TEAM:
            target = _Team(f"team-{len(self._teams)}", request.capacity or DEFAULT_CAPACITY)
            self._teams[target.id] = target
        else:
            target = self._teams[request.team_id or ""]
        source = self._team_of(user)
        changed = [target]
        if request.kind in ADDS | {Kind.MOVE_USER}:
            target.members.append(user)
        if request.kind in REMOVES:
            target.members.remove(user)
        if request.kind is Kind.MOVE_USER and source is not None:
            source.members.remove(user)
            changed = [source, target]
        if request.kind is Kind.DELETE_TEAM:
            target.members.clear()
            target.deleted = True
        if request.kind is Kind.UPDATE_TEAM and request.capacity is not None:
            target.capacity = request.capacity
        for team, entry in zip(changed, _entries(request, changed), strict=True):
            team.log.append(entry)
        return changed


def _entries(request: Request, changed: Iterable[_Team]) -> Iterable[LoggedChange]:
    kinds = {
        Kind.CREATE_TEAM: "TeamCreated",
        Kind.UPDATE_TEAM: "CapacityChanged" if request.name is None else "TeamRenamed",
        Kind.DELETE_TEAM: "TeamDeleted",
        **dict.fromkeys(ADDS, "UserJoinedTeam"),
        **dict.fromkeys(REMOVES, "UserLeftTeam"),
    }
    teams = list(changed)
    is_move = request.kind is Kind.MOVE_USER
    for number, team in enumerate(teams):
        yield LoggedChange(
            version=team.seen.version + 1,
            kind=("UserLeftTeam", "UserJoinedTeam")[number] if is_move else kinds[request.kind],
            user_id=request.user_id,
            other_team_id=teams[1 - number].id if is_move else None,
            name=request.name,
            capacity=request.capacity,
            request_id=request.request_id,
        )
