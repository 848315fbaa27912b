"""Ids that are unique over all types, encoded and decoded only here."""

from typing import NewType

from app.domain.changes import Change

NodeId = NewType("NodeId", str)


def change_id(change: Change) -> NodeId:
    """The id of a change. No user's or team's id has its form: they contain no comma."""
    return NodeId(f"change({change.team_id},{change.version})")
