"""Sends a request to a server, and returns the outcome in the form of a history."""

from typing import Any

from tests.harness.client import Client
from tests.lab.checker.answers import outcome_of, team_version
from tests.lab.checker.history import Kind, Outcome, Request, TeamRead, UserRead

USER = "query ($id: ID!) { user(id: $id) { team { id version } } }"
TEAM = (
    "query ($id: ID!) { team(id: $id) { version "
    "members(first: 100) { edges { node { id } } pageInfo { hasNextPage } } } }"
)
FOR_THE_VIEWER = (Kind.JOIN, Kind.LEAVE)


async def ask(client: Client, request: Request) -> Outcome:
    """The answer. *Raises*: `ServerError`, `httpx.TransportError`."""
    match request.kind:
        case Kind.READ_USER:
            user = (await client.execute(USER, {"id": request.user_id}))["user"]
            return UserRead(team_version(user["team"]) if user["team"] else None)
        case Kind.READ_TEAM:
            team = (await client.execute(TEAM, {"id": request.team_id}))["team"]
            return _team_read(team) if team else TeamRead(None)
    viewer = request.user_id if request.kind in FOR_THE_VIEWER else None
    return outcome_of(await client.mutate(request.kind, viewer=viewer, **_input(request)))


def _team_read(team: dict[str, Any]) -> TeamRead:
    members = frozenset(edge["node"]["id"] for edge in team["members"]["edges"])
    is_whole = not team["members"]["pageInfo"]["hasNextPage"]
    return TeamRead(team["version"], members if is_whole else None)


def _input(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = {"requestId": request.request_id, "userId": request.user_id}
    if request.kind in FOR_THE_VIEWER:
        del given["userId"]
    if request.kind is Kind.MOVE_USER:
        given |= {
            "toTeamId": request.team_id,
            "fromTeamId": request.from_team_id,
            "expectedToVersion": request.expected_version,
            "expectedFromVersion": request.expected_from_version,
        }
    else:
        given |= {
            "teamId": request.team_id,
            "expectedVersion": request.expected_version,
            "name": request.name,
            "capacity": request.capacity,
        }
    return {name: value for name, value in given.items() if value is not None}
