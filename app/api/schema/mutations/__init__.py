"""The `Mutation` type; each mutation has a module of its own."""

import strawberry

from app.api.schema.mutations.add_user_to_team import AddUserToTeamResult, add_user_to_team
from app.api.schema.mutations.add_users_to_team import AddUsersToTeamResult, add_users_to_team
from app.api.schema.mutations.create_team import CreateTeamResult, create_team
from app.api.schema.mutations.delete_team import DeleteTeamResult, delete_team
from app.api.schema.mutations.join_team import JoinTeamResult, join_team
from app.api.schema.mutations.leave_team import LeaveTeamResult, leave_team
from app.api.schema.mutations.move_user_to_team import MoveUserToTeamResult, move_user_to_team
from app.api.schema.mutations.remove_user_from_team import (
    RemoveUserFromTeamResult,
    remove_user_from_team,
)
from app.api.schema.mutations.switch_team import SwitchTeamResult, switch_team
from app.api.schema.mutations.update_team import UpdateTeamResult, update_team


@strawberry.type(
    description="Write operations. Each is atomic: it succeeds, or changes nothing and returns a "
    "`Problem`."
)
class Mutation:
    create_team: CreateTeamResult = strawberry.mutation(
        resolver=create_team, description="Create a team at version 1, without members."
    )
    update_team: UpdateTeamResult = strawberry.mutation(
        resolver=update_team, description="Change a team's name, capacity, or both."
    )
    delete_team: DeleteTeamResult = strawberry.mutation(
        resolver=delete_team,
        description="Delete a team permanently. Its members are then on no team.",
    )
    add_user_to_team: AddUserToTeamResult = strawberry.mutation(
        resolver=add_user_to_team, description="Add a user who is on no team to this team."
    )
    add_users_to_team: AddUsersToTeamResult = strawberry.mutation(
        resolver=add_users_to_team,
        description="Add many users to this team by one write: those who are on no team, as far "
        "as there is room, or with `atomic` all or nobody. For rate limits it is one operation.",
    )
    remove_user_from_team: RemoveUserFromTeamResult = strawberry.mutation(
        resolver=remove_user_from_team, description="Remove a user from a team."
    )
    move_user_to_team: MoveUserToTeamResult = strawberry.mutation(
        resolver=move_user_to_team,
        description="Move a user to another team atomically: no reader sees them on none or on "
        "both.",
    )
    join_team: JoinTeamResult = strawberry.mutation(
        resolver=join_team, description="Add the viewer, who is on no team, to this team."
    )
    leave_team: LeaveTeamResult = strawberry.mutation(
        resolver=leave_team, description="Remove the viewer from a team."
    )
    switch_team: SwitchTeamResult = strawberry.mutation(
        resolver=switch_team,
        description="Move the viewer from their team to another atomically.",
    )
