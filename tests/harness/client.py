"""A GraphQL client for tests: one method per mutation, answers as plain dictionaries."""

from typing import Any

import httpx

from tests.harness.http import http_client

Answer = dict[str, Any]

TEAM_FIELDS = "id name version capacity memberCount"

_PROBLEM_FIELDS = {
    "AlreadyOnTeam": f"currentTeam {{ {TEAM_FIELDS} }}",
    "NotOnTeam": f"otherTeam {{ {TEAM_FIELDS} }}",
    "VersionConflict": f"expectedVersion actualVersion team {{ {TEAM_FIELDS} }}",
    "TeamFull": "capacity",
    "InvalidInput": "field",
}
_OUTCOMES = (
    "outcomes { edges { node { id } added version problem { __typename ... on Problem { message } "
    f"... on AlreadyOnTeam {{ {_PROBLEM_FIELDS['AlreadyOnTeam']} }} "
    f"... on TeamFull {{ {_PROBLEM_FIELDS['TeamFull']} }} }} }} }}"
)
_PROBLEM_FIELDS["UsersNotAdded"] = _OUTCOMES
_ADDING = ("InvalidInput", "AlreadyOnTeam", "VersionConflict", "TeamFull")
_REMOVING = ("InvalidInput", "NotOnTeam", "VersionConflict")
_PROBLEMS = {
    "createTeam": ("InvalidInput",),
    "updateTeam": ("InvalidInput", "VersionConflict", "TeamFull"),
    "deleteTeam": ("InvalidInput", "VersionConflict"),
    "addUserToTeam": _ADDING,
    "addUsersToTeam": ("InvalidInput", "VersionConflict", "UsersNotAdded"),
    "joinTeam": _ADDING,
    "removeUserFromTeam": _REMOVING,
    "leaveTeam": _REMOVING,
    "moveUserToTeam": (*_ADDING, "NotOnTeam"),
    "switchTeam": (*_ADDING, "NotOnTeam"),
}


def _document(mutation: str) -> str:
    title = mutation[0].upper() + mutation[1:]
    team = f"team {{ {TEAM_FIELDS} }}"
    if mutation in {"moveUserToTeam", "switchTeam"}:
        team = f"fromTeam {{ {TEAM_FIELDS} }} toTeam {{ {TEAM_FIELDS} }}"
    if mutation == "addUsersToTeam":
        team += f" {_OUTCOMES}"
    problems = " ".join(
        f"... on {name} {{ {_PROBLEM_FIELDS[name]} }}" for name in _PROBLEMS[mutation]
    )
    return (
        f"mutation {title}($input: {title}Input!) {{ {mutation}(input: $input) {{ __typename "
        f"... on {title}Success {{ replayed {team} }} ... on Problem {{ message }} {problems} }} }}"
    )


_DOCUMENTS = {mutation: _document(mutation) for mutation in _PROBLEMS}


class ServerError(Exception):
    """The answer was a GraphQL error, with this code."""

    def __init__(self, errors: list[Answer]) -> None:
        super().__init__(errors)
        self.code = errors[0].get("extensions", {}).get("code")


ADMIN = "root"

ANONYMOUS = ""
"""A viewer who is nobody."""


class Client:
    """A client of one server, signed in as `viewer`: by default `ADMIN`.

    Whoever it is has the role that is named; tests of permissions name others than admin.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 15) -> None:
        self._http = http_client(base_url=url, timeout=timeout_seconds)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def post(
        self, body: Any, *, viewer: str | None = None, role: str = "admin"
    ) -> httpx.Response:
        return await self._http.post("/graphql", json=body, headers=headers_of(viewer, role))

    async def execute(
        self,
        query: str,
        variables: Answer | None = None,
        *,
        viewer: str | None = None,
        role: str = "admin",
    ) -> Answer:
        """The data of the answer. *Raises*: `ServerError`, `httpx.TransportError`."""
        body = {"query": query, "variables": variables or {}}
        answer = (await self.post(body, viewer=viewer, role=role)).json()
        if answer.get("errors"):
            raise ServerError(answer["errors"])
        data: Answer = answer["data"]
        return data

    async def mutate(
        self, mutation: str, *, viewer: str | None = None, role: str = "admin", **given: Any
    ) -> Answer:
        """The outcome, with `__typename`; `given` is the input, in the schema's names."""
        data = await self.execute(_DOCUMENTS[mutation], {"input": given}, viewer=viewer, role=role)
        outcome: Answer = data[mutation]
        return outcome

    async def create_team(
        self, name: str = "Team", *, viewer: str | None = None, **given: Any
    ) -> Answer:
        outcome = await self.mutate("createTeam", viewer=viewer, name=name, **given)
        team: Answer = outcome["team"]
        return team


def headers_of(viewer: str | None = None, role: str = "admin") -> dict[str, str]:
    """The headers of a viewer's request."""
    if viewer == ANONYMOUS:
        return {}
    return {"X-User-Id": viewer or ADMIN, "X-User-Role": role}
