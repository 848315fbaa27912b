"""One type per kind of change, each named as the kind is stored."""

import strawberry

from app.api.schema.node_ids import NodeId, team_node_id
from app.api.schema.types import TeamChange, User
from app.domain.changes import Change
from app.domain.ids import UserId, Version


@strawberry.type(description="A team was created.")
class TeamCreated(TeamChange):
    @strawberry.field(description="The initial name.")
    def name(self) -> str:
        return self.change.name or ""

    @strawberry.field(description="The initial capacity. Null if the service's default applies.")
    def capacity(self) -> int | None:
        return self.change.capacity


@strawberry.type(description="A team was renamed. The same change may have set its capacity.")
class TeamRenamed(TeamChange):
    @strawberry.field(description="The new name.")
    def name(self) -> str:
        return self.change.name or ""

    @strawberry.field(description="Whether the same change set the capacity.")
    def sets_capacity(self) -> bool:
        return self.change.sets_capacity

    @strawberry.field(
        description="The capacity, if `setsCapacity`: null if the service's default applies."
    )
    def capacity(self) -> int | None:
        return self.change.capacity


@strawberry.type(description="A team's capacity was changed.")
class CapacityChanged(TeamChange):
    @strawberry.field(description="The new capacity. Null if the service's default applies.")
    def capacity(self) -> int | None:
        return self.change.capacity


def other_team_id(change: Change) -> NodeId | None:
    """The id of the other team of a move."""
    return team_node_id(change.other_team_id) if change.other_team_id else None


@strawberry.type(description="A user joined a team.")
class UserJoinedTeam(TeamChange):
    @strawberry.field(description="The user who joined.")
    def user(self) -> User:
        return User(id=self.change.user_id or UserId(""))

    @strawberry.field(description="The team that the user was moved from. Null if not moved.")
    def from_team_id(self) -> NodeId | None:
        return other_team_id(self.change)


@strawberry.type(description="A user left a team.")
class UserLeftTeam(TeamChange):
    @strawberry.field(description="The user who left.")
    def user(self) -> User:
        return User(id=self.change.user_id or UserId(""))

    @strawberry.field(description="The team that the user was moved to. Null if not moved.")
    def to_team_id(self) -> NodeId | None:
        return other_team_id(self.change)


@strawberry.type(
    description="A team was deleted, and its members are on no team. The last change of a team."
)
class TeamDeleted(TeamChange): ...


@strawberry.type(
    description="Another program changed the team; the details are unknown. Reload the team."
)
class ForeignChange(TeamChange): ...


@strawberry.type(
    description="The changes from `fromVersion` to `version` are unknown. Reload the team."
)
class HistoryGap(TeamChange):
    @strawberry.field(description="The first missing version.")
    def from_version(self) -> Version:
        return self.change.from_version or self.change.version


CHANGE_TYPES = (
    TeamCreated,
    TeamRenamed,
    CapacityChanged,
    UserJoinedTeam,
    UserLeftTeam,
    TeamDeleted,
    ForeignChange,
    HistoryGap,
)
