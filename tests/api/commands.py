"""The schema on a real database, in-process, with a listener for the driver's commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.api.schema.context import Context, Services
from app.domain.ids import UserId
from app.domain.viewers import Viewer
from app.service.hub import Hub
from app.service.permissions import Permissions
from app.storage.changes.log import MongoChangeLog
from app.storage.client import close
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.store import MongoTeamStore
from tests.harness.client import ADMIN, ANONYMOUS, Answer
from tests.harness.driver import Commands, connect
from tests.harness.schema import SCHEMA


@dataclass
class RecordedApi:
    """The schema on a real database, with the commands it sends."""

    services: Services
    commands: Commands

    async def execute(self, query: str, *, viewer: str | None = None, **variables: Any) -> Answer:
        """The data of the answer, which must have no errors."""
        who = None if viewer == ANONYMOUS else Viewer(UserId(viewer or ADMIN), is_admin=True)
        context = Context(self.services, who)
        result = await SCHEMA.execute(query, variable_values=variables, context_value=context)
        assert result.errors is None
        assert result.data is not None
        return result.data

    async def mutate(self, mutation: str, *, viewer: str | None = None, **given: Any) -> Answer:
        """The outcome of a mutation, with the ids of its teams."""
        title = mutation[0].upper() + mutation[1:]
        teams = (
            "fromTeam { id } toTeam { id }" if mutation == "moveUserToTeam" else "team { id name }"
        )
        data = await self.execute(
            f"mutation ($input: {title}Input!) {{ {mutation}(input: $input) "
            f"{{ __typename ... on {title}Success {{ {teams} }} }} }}",
            viewer=viewer,
            input=given,
        )
        outcome: Answer = data[mutation]
        return outcome

    async def create_team(self, *members: str) -> str:
        """The id of a new team; the commands that created it are not recorded."""
        outcome = await self.mutate("createTeam", name="Red")
        team_id: str = outcome["team"]["id"]
        for member in members:
            await self.mutate("addUserToTeam", teamId=team_id, userId=member)
        self.commands.take()
        return team_id


@asynccontextmanager
async def recorded_api(mongodb_uri: str, database: str) -> AsyncIterator[RecordedApi]:
    commands = Commands()
    client = connect(mongodb_uri, timeout_seconds=10, listeners=[commands])
    directory = MongoTeamDirectory(client, database, default_capacity=10)
    services = Services(
        store=MongoTeamStore(client, database, default_capacity=10),
        directory=directory,
        permissions=Permissions(directory, everyone_may_create_teams=False),
        log=MongoChangeLog(client, database),
        hub=Hub(),
        default_capacity=10,
        is_prepared=lambda: True,
    )
    yield RecordedApi(services, commands)
    await close(client)
