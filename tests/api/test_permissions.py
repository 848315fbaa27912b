"""Permissions: every operation of the schema, sent by every kind of viewer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.api.schema.schema import build_schema
from app.service.permissions import RULES
from tests.api.world import create_team_with, new_id
from tests.harness.client import ANONYMOUS, Answer, Client, headers_of
from tests.harness.http import http_client
from tests.harness.schema import LIMITS
from tests.harness.servers import Server, running_servers
from tests.harness.subscriber import connected, receive, subscribe

SCHEMA = build_schema(LIMITS)._schema

ANONYMOUS_VIEWER, SELF, OTHER, CREATOR, ADMIN = "anonymous", "self", "other", "creator", "admin"
VIEWERS = (ANONYMOUS_VIEWER, SELF, OTHER, CREATOR, ADMIN)

EVERYBODY = frozenset(VIEWERS)
SIGNED_IN = EVERYBODY - {ANONYMOUS_VIEWER}

# The permissions a second time: the rules in the code must be equal, and be applied.
ALLOWED = {
    "viewer": EVERYBODY,
    "team": SIGNED_IN,
    "teams": SIGNED_IN,
    "user": SIGNED_IN,
    "changes": SIGNED_IN,
    "changesCursor": SIGNED_IN,
    "node": SIGNED_IN,
    "teamAsOf": SIGNED_IN,
    "_service": EVERYBODY,
    "_entities": SIGNED_IN,
    "joinTeam": SIGNED_IN,
    "leaveTeam": SIGNED_IN,
    "switchTeam": SIGNED_IN,
    "addUserToTeam": {ADMIN},
    "addUsersToTeam": {ADMIN},
    "removeUserFromTeam": {ADMIN},
    "moveUserToTeam": {ADMIN},
    "createTeam": {ADMIN},
    "updateTeam": {ADMIN},
    "deleteTeam": {ADMIN},
    "teamChanges": SIGNED_IN,
    "allTeamChanges": SIGNED_IN,
    "userTeam": SIGNED_IN,
}
ALLOWED_IF_ALL_MAY_CREATE = {
    **ALLOWED,
    "createTeam": SIGNED_IN,
    "updateTeam": {CREATOR, ADMIN},
    "deleteTeam": {CREATOR, ADMIN},
}


def operations_of(kind: Any) -> list[str]:
    return list(kind.fields)


QUERIES = operations_of(SCHEMA.query_type)
MUTATIONS = operations_of(SCHEMA.mutation_type)
SUBSCRIPTIONS = operations_of(SCHEMA.subscription_type)


@pytest.fixture(scope="module", params=["off", "on"])
async def setting(request: pytest.FixtureRequest) -> str:
    """True if everyone may create teams."""
    setting: str = request.param
    return setting


@pytest.fixture(scope="module")
async def server(mongodb_uri: str, setting: str) -> AsyncIterator[Server]:
    given = {"EVERYONE_MAY_CREATE_TEAMS": setting}
    async with running_servers(1, mongodb_uri, new_id("test"), **given) as (server,):
        yield server


@pytest.fixture
def allowed(setting: str) -> dict[str, Any]:
    return ALLOWED_IF_ALL_MAY_CREATE if setting == "on" else ALLOWED


class Cast:
    """The viewers, a team that one of them has created, and its member."""

    def __init__(self, team: Answer, self_id: str, creator_id: str) -> None:
        self.team = team
        self._ids = {
            ANONYMOUS_VIEWER: ANONYMOUS,
            SELF: self_id,
            OTHER: new_id("other"),
            CREATOR: creator_id,
            ADMIN: new_id("admin"),
        }

    @classmethod
    async def assemble(cls, api: Client) -> "Cast":
        """The creator creates the team as an admin; later requests have another role."""
        self_id, creator_id = new_id("self"), new_id("creator")
        team = await create_team_with(api, self_id, creator=creator_id)
        return cls(team, self_id, creator_id)

    def headers(self, who: str) -> dict[str, str]:
        return headers_of(self._ids[who], "admin" if who == ADMIN else "user")

    @property
    def self_id(self) -> str:
        return self._ids[SELF]


def test_every_operation_has_its_rule() -> None:
    operations = {*QUERIES, *MUTATIONS, *SUBSCRIPTIONS}

    assert set(RULES) == operations
    assert set(ALLOWED) == operations


def document_of(operation: str, cast: Cast) -> str:
    """The operation on the cast's team and its member."""
    team, user = f'"{cast.team["id"]}"', f'"{cast.self_id}"'
    given = {
        "createTeam": 'name: "Mine"',
        "updateTeam": f'teamId: {team}, expectedVersion: 2, name: "Other"',
        "deleteTeam": f"teamId: {team}, expectedVersion: 2",
        "addUsersToTeam": f"teamId: {team}, userIds: [{user}]",
        "moveUserToTeam": f"userId: {user}, toTeamId: {team}",
        "joinTeam": f"teamId: {team}",
        "leaveTeam": f"teamId: {team}",
        "switchTeam": f"toTeamId: {team}",
    }.get(operation, f"teamId: {team}, userId: {user}")
    asked = {
        "node": f"node(id: {user}) {{ id }}",
        "team": f"team(id: {team}) {{ id }}",
        "teams": "teams { totalCount }",
        "user": f"user(id: {user}) {{ team {{ id }} }}",
        "viewer": "viewer { id }",
        "changes": "changes { edges { cursor } }",
        "changesCursor": "changesCursor",
        "teamAsOf": f"teamAsOf(id: {team}, version: 1) {{ version }}",
        "_service": "_service { __typename }",
        "_entities": "_entities(representations: []) { __typename }",
        "teamChanges": f"teamChanges(teamId: {team}, afterVersion: 0) {{ version }}",
        "allTeamChanges": "allTeamChanges { version }",
        "userTeam": f"userTeam(userId: {user}) {{ id }}",
    }.get(operation, f"{operation}(input: {{ {given} }}) {{ __typename }}")
    kind = "mutation" if operation in MUTATIONS else "query"
    return f"{'subscription' if operation in SUBSCRIPTIONS else kind} {{ {asked} }}"


@pytest.mark.parametrize("who", VIEWERS)
@pytest.mark.parametrize("operation", [*QUERIES, *MUTATIONS, *SUBSCRIPTIONS])
async def test_an_operation_is_allowed_as_its_rule_says(
    operation: str, who: str, api: Client, server: Server, allowed: dict[str, Any]
) -> None:
    cast = await Cast.assemble(api)

    async with connected(server.url, headers=cast.headers(who)) as socket:
        await subscribe(socket, document_of(operation, cast))
        if operation == "allTeamChanges" and who in SIGNED_IN:
            await subscribe(socket, "{ __typename }", operation_id="2")
        message = await receive(socket)

    answer = str(message["payload"])
    assert ("UNAUTHENTICATED" in answer or "NotAllowed" in answer) == (
        who not in allowed[operation]
    )
    assert "NotAllowed" in answer or "errors" not in answer or "UNAUTHENTICATED" in answer


async def test_a_missing_team_is_refused_like_another_users_team(
    api: Client, server: Server
) -> None:
    """Neither the answer nor its words tell somebody without rights which teams there are."""
    cast = await Cast.assemble(api)
    async with http_client(base_url=server.url, headers=cast.headers(OTHER)) as http:
        answers = []
        for team_id in (cast.team["id"], "6b03e3af20d1de4ff7e32eef", "not an id", ""):
            given = {"teamId": team_id, "expectedVersion": 1}
            query = (
                "mutation ($i: DeleteTeamInput!) "
                "{ deleteTeam(input: $i) { __typename ... on Problem { message } } }"
            )
            body = {"query": query, "variables": {"i": given}}
            answers.append((await http.post("/graphql", json=body)).json())

    assert answers[0]["data"]["deleteTeam"]["__typename"] == "NotAllowed"
    assert all(answer == answers[0] for answer in answers)


async def test_an_anonymous_viewer_may_read_the_schema(server: Server) -> None:
    query = '{ __schema { queryType { name } } __type(name: "Team") { name } __typename }'

    async with http_client(base_url=server.url) as http:
        answer = (await http.post("/graphql", json={"query": query})).json()

    assert "errors" not in answer
