"""A request of every mutation, and the teams and users that the requests are about."""

from dataclasses import dataclass
from typing import NamedTuple

from graphql import GraphQLInputObjectType, GraphQLSchema, build_schema

from app.api.schema.schema import print_schema
from tests.api.world import create_team_with, find_team, new_id
from tests.harness.client import Answer, Client

SCHEMA: GraphQLSchema = build_schema(print_schema())


class Request(NamedTuple):
    """A request that is accepted. Lower-case words stand for the teams and users of a `Scene`."""

    mutation: str
    given: Answer
    viewer: str | None = None

    def __str__(self) -> str:
        return f"{self.mutation}({', '.join(self.given)})"

    @property
    def fields(self) -> list[str]:
        """The fields of the mutation's input, as the schema lists them."""
        title = self.mutation[0].upper() + self.mutation[1:]
        input_type = SCHEMA.type_map[f"{title}Input"]
        assert isinstance(input_type, GraphQLInputObjectType)
        return list(input_type.fields)

    @property
    def versions(self) -> dict[str, str]:
        """The fields that hold an expected version, each with the team that it is about."""
        teams = {
            "expectedVersion": str(self.given.get("teamId")),
            "expectedToVersion": "blue",
            "expectedFromVersion": "red",
        }
        return {field: team for field, team in teams.items() if field in self.fields}


REQUESTS = (
    Request("createTeam", {"name": "Red", "capacity": 5}),
    Request("updateTeam", {"teamId": "red", "expectedVersion": 2, "name": "Green"}),
    Request("updateTeam", {"teamId": "red", "expectedVersion": 2, "capacity": 4}),
    Request("deleteTeam", {"teamId": "red", "expectedVersion": 2}),
    Request("addUserToTeam", {"teamId": "red", "userId": "john"}),
    Request("addUsersToTeam", {"teamId": "red", "userIds": ["john"]}),
    Request("addUsersToTeam", {"teamId": "red", "userIds": ["john", "ann"], "atomic": False}),
    Request("joinTeam", {"teamId": "red"}, "john"),
    Request("removeUserFromTeam", {"teamId": "red", "userId": "sue"}),
    Request("leaveTeam", {"teamId": "red"}, "sue"),
    Request("moveUserToTeam", {"userId": "sue", "toTeamId": "blue"}),
    Request("moveUserToTeam", {"userId": "sue", "toTeamId": "blue", "fromTeamId": "red"}),
    Request("switchTeam", {"toTeamId": "blue"}, "sue"),
)


@dataclass(frozen=True)
class Scene:
    """Sue is on Red and Ann on Blue, both at version 2; John is on no team."""

    api: Client
    ids: dict[str, str]

    @classmethod
    async def prepare(cls, api: Client) -> "Scene":
        ids = {name: new_id(name) for name in ("sue", "ann", "john")}
        for team, member in (("red", "sue"), ("blue", "ann")):
            ids[team] = (await create_team_with(api, ids[member], name=team))["id"]
        return cls(api, ids)

    async def send(
        self,
        request: Request,
        more: Answer | None = None,
        *,
        through: Client | None = None,
        viewer: str | None = None,
    ) -> Answer:
        """The outcome of the request, with more input or other input than its own."""
        given = request.given | (more or {})
        given = {name: self._with_ids(value) for name, value in given.items()}
        if viewer is None and request.viewer is not None:
            viewer = self.ids[request.viewer]
        client = through or self.api
        return await client.mutate(request.mutation, viewer=viewer, **given)

    def _with_ids(self, value: object) -> object:
        if isinstance(value, list):
            return [self._with_ids(each) for each in value]
        return self.ids.get(str(value), value)

    async def team(self, name: str) -> Answer | None:
        return await find_team(self.api, self.ids[name])

    async def teams(self) -> list[Answer | None]:
        return [await self.team("red"), await self.team("blue")]
