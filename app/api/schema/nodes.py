"""`Query.node` and `Query.nodes`: the objects that ids name."""

from app.api.schema.arguments import checked_team_id
from app.api.schema.connections import Node
from app.api.schema.context import Info
from app.api.schema.node_ids import NodeId, may_be_team, read_change_id
from app.api.schema.types import Team, User, present_change
from app.domain.ids import UserId, Version, is_well_formed_id


async def find_node(info: Info, given: NodeId) -> Node | None:
    """The object of that id; None if there is no such team or change.

    *Raises*: `CodedError` for a malformed id; `TeamDamaged`.
    """
    directory = info.context.services.directory
    if named := read_change_id(given):
        team_id, version = named
        found = await info.context.services.log.changes_of_team(
            team_id, after=Version(version - 1), up_to=version, limit=1
        )
        return present_change(found[0]) if found else None
    team_id = checked_team_id(given)
    if may_be_team(given):
        if team := await Team.load(info, team_id):
            return team
        # The 24 digits of a deleted team do not become a user.
        if not is_well_formed_id(given) or await directory.find_version(team_id) is not None:
            return None
    return User(id=UserId(given))
