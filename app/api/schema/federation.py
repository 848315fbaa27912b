"""Apollo Federation 2: `Team` and `User` as entities, which other subgraphs refer to by id.

The fields of the protocol are served, but they are no part of `schema.graphql`: gateways add them
by themselves, and clients have no use for them.
"""

from asyncio import gather
from typing import Annotated, NewType, cast

import strawberry

from app.api.errors import invalid_input
from app.api.schema.context import Info
from app.api.schema.node_ids import NodeId, read_team_id
from app.api.schema.queries import Query
from app.api.schema.types import Team, User
from app.domain.faults import TeamDamaged
from app.domain.ids import TeamId, UserId
from app.domain.pages import TeamOptions
from app.domain.problems import InvalidInput
from app.domain.validation import check_id

MAX_REPRESENTATIONS = 1_000

# Appended to `schema.graphql`, these lines make it the schema of a subgraph.
ENTITIES_SDL = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key"])

extend type Team @key(fields: "id")

extend type User @key(fields: "id")
"""

Representation = NewType("Representation", object)
REPRESENTATION = strawberry.scalar(
    name="_Any",
    description='A reference to an entity: `{"__typename": "Team", "id": "6b03…"}`, or a `User`.',
    serialize=lambda value: value,
    parse_value=lambda value: value,
)
Entity = Annotated[
    Team | User, strawberry.union("_Entity", description="A type that other subgraphs refer to.")
]


@strawberry.type(name="_Service", description="This service as a subgraph.")
class Service:
    @strawberry.field(description="The schema with the directives of Federation.")
    def sdl(self, info: Info) -> str:
        return f"{info.schema.as_str()}\n{ENTITIES_SDL}"


@strawberry.type(name="Query", description=Query.__strawberry_definition__.description)  # type: ignore[attr-defined]  # set by Strawberry
class FederatedQuery(Query):
    """The queries of clients and of gateways."""

    @strawberry.field(name="_service", description="This service as a subgraph, for a gateway.")
    def service(self, info: Info) -> Service:
        info.context.require("_service")
        return Service()

    @strawberry.field(
        name="_entities",
        description="The teams and users that a gateway refers to, in the order given. Null for "
        "a team that does not exist, and, with an error, for a malformed reference.",
    )
    async def entities(
        self,
        info: Info,
        representations: Annotated[
            list[Representation],
            strawberry.argument(description=f"At most {MAX_REPRESENTATIONS:,} references."),
        ],
    ) -> list[Entity | None]:
        info.context.require("_entities")
        if len(representations) > MAX_REPRESENTATIONS:
            raise invalid_input(
                InvalidInput("representations", f"must be at most {MAX_REPRESENTATIONS:,}")
            )
        options = await info.team_options()
        found = await gather(
            *(
                _find(info, options, f"representations.{index}", each)
                for index, each in enumerate(representations)
            )
        )
        return cast("list[Entity | None]", found)  # an exception becomes the error of its item


async def _find(
    info: Info, options: TeamOptions, place: str, representation: Representation
) -> Team | User | Exception | None:
    """The entity at a place of the list; its team is read together with all others."""
    match representation:
        case {"__typename": "Team" | "User" as type_name, "id": str(given)}:
            id_ = read_team_id(NodeId(given)) if type_name == "Team" else given
            problem = check_id(f"{place}.id", id_)
        case {"__typename": "Team" | "User"}:
            problem = InvalidInput(f"{place}.id", "must be a string")
        case {"__typename": _}:
            problem = InvalidInput(f"{place}.__typename", "must be Team or User")
        case _:
            problem = InvalidInput(place, "must be an object with __typename and id")
    if problem:
        return invalid_input(problem)
    if type_name == "User":
        return User(id=UserId(id_))
    try:
        return await Team.load(info, TeamId(id_), options)
    except TeamDamaged as damage:
        return damage
