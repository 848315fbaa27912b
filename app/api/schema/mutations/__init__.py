"""The mutations, a module each; `Mutation` is their table of contents."""

import strawberry

from app.api.schema.mutations.add_user_to_team import AddUserToTeamResult, add_user_to_team
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
    description="Changes. Each is atomic: a refused one changes nothing and answers with a Problem."
)
class Mutation:
    """All changes."""

    create_team: CreateTeamResult = strawberry.mutation(
        resolver=create_team, description="Creates a team at version 1, without members."
    )
    update_team: UpdateTeamResult = strawberry.mutation(
        resolver=update_team, description="Gives a team another name, another capacity, or both."
    )
    delete_team: DeleteTeamResult = strawberry.mutation(
        resolver=delete_team,
        description="Deletes a team for good; its members are free from the same moment on.",
    )
    add_user_to_team: AddUserToTeamResult = strawberry.mutation(
        resolver=add_user_to_team, description="Puts a user who is on no team on this one."
    )
    remove_user_from_team: RemoveUserFromTeamResult = strawberry.mutation(
        resolver=remove_user_from_team, description="Takes a user off a team."
    )
    move_user_to_team: MoveUserToTeamResult = strawberry.mutation(
        resolver=move_user_to_team,
        description="Moves a user to another team in one step: never seen on none or on both.",
    )
    join_team: JoinTeamResult = strawberry.mutation(
        resolver=join_team, description="Puts the viewer, who is on no team, on this one."
    )
    leave_team: LeaveTeamResult = strawberry.mutation(
        resolver=leave_team, description="Takes the viewer off a team."
    )
    switch_team: SwitchTeamResult = strawberry.mutation(
        resolver=switch_team,
        description="Moves the viewer from the team they are on to this one, in one step.",
    )
