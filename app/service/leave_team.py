"""leaveTeam: removeUserFromTeam for the viewer."""

from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.problems import NotAllowed
from app.service.ports import TeamStore
from app.service.remove_user_from_team import RemoveUserFromTeamOutcome, remove_user_from_team

LeaveTeamOutcome = RemoveUserFromTeamOutcome


async def leave_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    team_id: TeamId,
    expected_version: Version | None,
    request_id: RequestId | None,
    with_member_count: bool,
) -> LeaveTeamOutcome:
    """The team without the viewer. *Outcomes*: `NotAllowed` when anonymous; see the other."""
    if viewer_id is None:
        return NotAllowed("You must be signed in to leave a team.")
    return await remove_user_from_team(
        store,
        viewer_id=viewer_id,
        team_id=team_id,
        user_id=viewer_id,
        expected_version=expected_version,
        request_id=request_id,
        with_member_count=with_member_count,
    )
