"""The random workload of a lab; most requests can be accepted."""

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.lab.checker.history import (
    READS,
    Accepted,
    Kind,
    Outcome,
    Refused,
    Request,
    TeamRead,
    TeamVersion,
    UserRead,
)

WEIGHTS = {
    Kind.ADD_USER: 25,
    Kind.JOIN: 15,
    Kind.REMOVE_USER: 12,
    Kind.LEAVE: 8,
    Kind.MOVE_USER: 20,
    Kind.UPDATE_TEAM: 8,
    Kind.DELETE_TEAM: 1,
    Kind.READ_USER: 12,
    Kind.READ_TEAM: 12,
}
OF_TEAMS = frozenset({Kind.CREATE_TEAM, Kind.UPDATE_TEAM, Kind.DELETE_TEAM, Kind.READ_TEAM})
TEAMS = 6
USERS = 30
CAPACITIES = range(3, 9)
EXPECTING = 0.4
WITH_REQUEST_ID = 0.5
ASTRAY = 0.2


class Workload:
    """A source of requests, about teams and users whose names begin with `prefix`.

    It remembers where users and teams stood when an answer told of them last.
    """

    def __init__(
        self, prefix: str, chance: random.Random, *, teams: int = TEAMS, users: int = USERS
    ) -> None:
        self._prefix = prefix
        self._chance = chance
        self._teams = teams
        self._users: Sequence[str] = [f"{prefix}user-{number}" for number in range(users)]
        self._versions: dict[str, int] = {}
        self._team_of: dict[str, str] = {}

    @property
    def team_ids(self) -> list[str]:
        """The teams that are there, as far as is known."""
        return list(self._versions)

    def creation(self, client: str) -> Request:
        return Request(
            client,
            Kind.CREATE_TEAM,
            name=self._name(),
            capacity=self._chance.choice(CAPACITIES),
            request_id=self._request_id(),
        )

    def next(self, client: str) -> Request:
        chance = self._chance
        if len(self._versions) < self._teams:
            return self.creation(client)
        kind = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        request = Request(client, kind, team_id=chance.choice(self.team_ids))
        if kind not in OF_TEAMS:
            request = replace(request, user_id=chance.choice(self._users))
        if kind in (Kind.REMOVE_USER, Kind.LEAVE, Kind.MOVE_USER):
            request = self._aim(request)
        if kind is Kind.READ_USER:
            return replace(request, team_id=None)
        if kind in READS:
            return request
        if kind is Kind.UPDATE_TEAM:
            values = ({"name": self._name()}, {"capacity": chance.choice(CAPACITIES)})
            request = replace(request, **chance.choice(values))
        if kind in (Kind.UPDATE_TEAM, Kind.DELETE_TEAM) or chance.random() < EXPECTING:
            request = replace(request, expected_version=self._versions[request.team_id or ""])
        return replace(request, request_id=self._request_id())

    def learn(self, request: Request, outcome: Outcome) -> None:
        match outcome:
            case Accepted(teams) if request.kind is Kind.DELETE_TEAM:
                self._versions.pop(teams[0].team_id, None)
            case Accepted(teams):
                for team in teams:
                    self._see(team)
                if request.kind in (Kind.REMOVE_USER, Kind.LEAVE):
                    self._team_of.pop(request.user_id or "", None)
                elif request.user_id is not None:
                    self._team_of[request.user_id] = teams[-1].team_id
            case Refused("TeamNotFound") | TeamRead(None):
                self._versions.pop(request.team_id or "", None)
            case Refused(actual_version=int(version)) if request.kind is not Kind.MOVE_USER:
                self._see(TeamVersion(request.team_id or "", version))
            case Refused(user_team=TeamVersion() as team) | UserRead(TeamVersion() as team):
                self._see(team)
                self._team_of[request.user_id or ""] = team.team_id
            case TeamRead(int(version)):
                self._see(TeamVersion(request.team_id or "", version))

    def _see(self, team: TeamVersion) -> None:
        known = self._versions.get(team.team_id, 0)
        self._versions[team.team_id] = max(known, team.version)

    def _aim(self, request: Request) -> Request:
        """The request, mostly for the team that the user was on."""
        there = self._team_of.get(request.user_id or "")
        if there not in self._versions or self._chance.random() < ASTRAY:
            return request
        if request.kind is not Kind.MOVE_USER:
            return replace(request, team_id=there)
        return (
            replace(request, from_team_id=there) if self._chance.random() < EXPECTING else request
        )

    def _name(self) -> str:
        return f"{self._prefix}{self._chance.getrandbits(32):08x}"

    def _request_id(self) -> str | None:
        is_wanted = self._chance.random() < WITH_REQUEST_ID
        return f"{self._prefix}{self._chance.getrandbits(64):016x}" if is_wanted else None
