"""Ids that are unique over all types, encoded and decoded only here.

The id of a user is the one from the identity provider. That of a team is the 24 digits of its
ObjectId, or `team(5)` if another program created it under the text `5`. That of a change is
`change(6b03…,7)`. A well-formed id of a user has neither parentheses nor commas.
"""

import re
from typing import NewType

from app.domain.changes import Change
from app.domain.ids import TeamId, Version

NodeId = NewType("NodeId", str)

_OBJECT_ID = re.compile("[0-9a-f]{24}")
_MARKED_TEAM = re.compile(r"team\((.*)\)", re.DOTALL)
_CHANGE = re.compile(r"change\((.*),([1-9][0-9]{0,9})\)", re.DOTALL)


def team_node_id(team_id: TeamId) -> NodeId:
    """The id of a team in the schema."""
    return NodeId(team_id if _OBJECT_ID.fullmatch(team_id) else f"team({team_id})")


def read_team_id(given: NodeId) -> TeamId:
    """The team's id in the domain; `given` may also be that one, which older clients have kept."""
    marked = _MARKED_TEAM.fullmatch(given)
    return TeamId(marked[1] if marked else given)


def may_be_team(given: NodeId) -> bool:
    """True if an id in the schema may be a team's; one of 24 digits may also be a user's."""
    return bool(_OBJECT_ID.fullmatch(given) or _MARKED_TEAM.fullmatch(given))


def change_id(change: Change) -> NodeId:
    """The id of a change."""
    return NodeId(f"change({change.team_id},{change.version})")


def read_change_id(given: NodeId) -> tuple[TeamId, Version] | None:
    """The team and version of a change; None if it is not the id of one."""
    change = _CHANGE.fullmatch(given)
    return (TeamId(change[1]), Version(int(change[2]))) if change else None
