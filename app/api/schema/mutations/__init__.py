"""The `Mutation` type; each mutation is in the module of its service function."""

from strawberry.tools import create_type

from app.api.schema.mutations.add_user_to_team import add_user_to_team, join_team
from app.api.schema.mutations.add_users_to_team import add_users_to_team
from app.api.schema.mutations.create_team import create_team
from app.api.schema.mutations.delete_team import delete_team
from app.api.schema.mutations.move_user_to_team import move_user_to_team, switch_team
from app.api.schema.mutations.remove_user_from_team import leave_team, remove_user_from_team
from app.api.schema.mutations.update_team import update_team

Mutation = create_type(
    "Mutation",
    [
        create_team,
        update_team,
        delete_team,
        add_user_to_team,
        add_users_to_team,
        remove_user_from_team,
        move_user_to_team,
        join_team,
        leave_team,
        switch_team,
    ],
    description="Write operations. Each is atomic: it succeeds, or changes nothing and returns a "
    "`Problem`.",
)
