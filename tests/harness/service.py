"""Short calls of the service's functions, for tests that need no HTTP."""

from app.domain.changes import UNCHANGED
from app.domain.ids import RequestId, TeamId, UserId, Version
from app.domain.outcomes import Accepted
from app.domain.teams import Team
from app.service.add_user_to_team import AddUserToTeamOutcome, add_user_to_team
from app.service.add_users_to_team import AddUsersToTeamOutcome, add_users_to_team
from app.service.create_team import create_team
from app.service.move_user_to_team import MoveUserToTeamOutcome, move_user_to_team
from app.service.ports import TeamStore
from app.service.remove_user_from_team import RemoveUserFromTeamOutcome, remove_user_from_team
from app.service.update_team import UpdateTeamOutcome, update_team


async def new_team(
    store: TeamStore,
    name: str = "Team",
    *,
    capacity: int | None = None,
    members: tuple[str, ...] = (),
) -> Team:
    """A new team with these members, as it is after the last of them."""
    created = await create_team(
        store, viewer_id=None, name=name, capacity=capacity, request_id=None
    )
    assert isinstance(created, Accepted)
    team = created.team
    for member in members:
        joined = await add(store, team.id, member)
        assert isinstance(joined, Accepted)
        team = joined.team
    return team


async def add(
    store: TeamStore,
    team_id: TeamId,
    user_id: str,
    *,
    actor: str | None = None,
    expected_version: int | None = None,
    request_id: str | None = None,
) -> AddUserToTeamOutcome:
    return await add_user_to_team(
        store,
        viewer_id=UserId(actor) if actor else None,
        team_id=team_id,
        user_id=UserId(user_id),
        expected_version=Version(expected_version) if expected_version else None,
        request_id=RequestId(request_id) if request_id else None,
    )


async def add_many(
    store: TeamStore,
    team_id: TeamId,
    *user_ids: str,
    actor: str | None = None,
    request_id: str | None = None,
    atomic: bool = False,
) -> AddUsersToTeamOutcome:
    return await add_users_to_team(
        store,
        viewer_id=UserId(actor) if actor else None,
        team_id=team_id,
        user_ids=[UserId(each) for each in user_ids],
        expected_version=None,
        request_id=RequestId(request_id) if request_id else None,
        atomic=atomic,
    )


async def remove(
    store: TeamStore, team_id: TeamId, user_id: str, *, expected_version: int | None = None
) -> RemoveUserFromTeamOutcome:
    return await remove_user_from_team(
        store,
        viewer_id=None,
        team_id=team_id,
        user_id=UserId(user_id),
        expected_version=Version(expected_version) if expected_version else None,
        request_id=None,
    )


async def move(
    store: TeamStore, user_id: str, to_team_id: TeamId, *, expected_to_version: int | None = None
) -> MoveUserToTeamOutcome:
    return await move_user_to_team(
        store,
        viewer_id=None,
        user_id=UserId(user_id),
        to_team_id=to_team_id,
        from_team_id=None,
        expected_to_version=Version(expected_to_version) if expected_to_version else None,
        expected_from_version=None,
        request_id=None,
    )


async def rename(
    store: TeamStore, team_id: TeamId, name: str, *, expected_version: int
) -> UpdateTeamOutcome:
    return await update_team(
        store,
        viewer_id=None,
        team_id=team_id,
        expected_version=Version(expected_version),
        name=name,
        capacity=UNCHANGED,
        request_id=None,
        default_capacity=1_000,
    )
