"""joinTeam: addUserToTeam for the viewer."""

from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.problems import NotAllowed
from app.service.add_user_to_team import AddUserToTeamOutcome, add_user_to_team
from app.service.ports import TeamStore

JoinTeamOutcome = AddUserToTeamOutcome


async def join_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    expected_version: Version | None,
    request_id: RequestId | None,
    with_member_count: bool,
) -> JoinTeamOutcome:
    """The team with the viewer on it. *Outcomes*: `NotAllowed` when anonymous; see the other."""
    if viewer_id is None:
        return NotAllowed("You must be signed in to join a team.")
    return await add_user_to_team(
        store,
        viewer_id=viewer_id,
        team_id=team_id,
        user_id=viewer_id,
        expected_version=expected_version,
        request_id=request_id,
        with_member_count=with_member_count,
    )
