"""switchTeam: moveUserToTeam for the viewer, from wherever the viewer is."""

from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.problems import NotAllowed
from app.service.move_user_to_team import MoveUserToTeamOutcome, move_user_to_team
from app.service.ports import TeamStore

SwitchTeamOutcome = MoveUserToTeamOutcome


async def switch_team(
    store: TeamStore,
    *,
    viewer_id: UserId | None,
    to_team_id: TeamId,
    expected_to_version: Version | None,
    expected_from_version: Version | None,
    request_id: RequestId | None,
    with_member_count: bool,
) -> SwitchTeamOutcome:
    """Both teams, the viewer on the second. *Outcomes*: `NotAllowed` when anonymous; see above."""
    if viewer_id is None:
        return NotAllowed("You must be signed in to switch teams.")
    return await move_user_to_team(
        store,
        viewer_id=viewer_id,
        user_id=viewer_id,
        to_team_id=to_team_id,
        from_team_id=None,
        expected_to_version=expected_to_version,
        expected_from_version=expected_from_version,
        request_id=request_id,
        with_member_count=with_member_count,
    )
