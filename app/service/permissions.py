"""Authorization: one table of rules, and the only code that applies it.

Every signed-in user may read all teams and members, so a refusal has nothing to hide from them. An
anonymous viewer is refused before anything is read.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from app.domain.ids import TeamId
from app.domain.problems import NotAllowed
from app.domain.validation import check_id
from app.domain.viewers import Viewer
from app.service.ports import TeamDirectory


class Who(Enum):
    """The viewers that a rule permits. Admins are permitted everything."""

    ANYBODY = auto()
    SIGNED_IN = auto()
    ADMINS = auto()
    ADMINS_OR_CREATORS = auto()
    """Admins, and the creator of the team while permitted to create teams."""
    ADMINS_OR_ALL_IF_SET = auto()
    """Every signed-in user if the operator has set so, else admins."""


RULES: Final[Mapping[str, Who]] = {
    # Queries
    "viewer": Who.ANYBODY,
    "team": Who.SIGNED_IN,
    "teamAsOf": Who.SIGNED_IN,
    "teams": Who.SIGNED_IN,
    "user": Who.SIGNED_IN,
    "changes": Who.SIGNED_IN,
    "changesCursor": Who.SIGNED_IN,
    "node": Who.SIGNED_IN,
    "_service": Who.ANYBODY,
    "_entities": Who.SIGNED_IN,
    # Mutations
    "joinTeam": Who.SIGNED_IN,
    "leaveTeam": Who.SIGNED_IN,
    "switchTeam": Who.SIGNED_IN,
    "addUserToTeam": Who.ADMINS,
    "addUsersToTeam": Who.ADMINS,
    "removeUserFromTeam": Who.ADMINS,
    "moveUserToTeam": Who.ADMINS,
    "createTeam": Who.ADMINS_OR_ALL_IF_SET,
    "updateTeam": Who.ADMINS_OR_CREATORS,
    "deleteTeam": Who.ADMINS_OR_CREATORS,
    # Subscriptions
    "teamChanges": Who.SIGNED_IN,
    "allTeamChanges": Who.SIGNED_IN,
    "userTeam": Who.SIGNED_IN,
}
"""The rule of each operation, by its name in the schema."""


class Permissions:
    """Decisions by the table."""

    def __init__(
        self,
        directory: TeamDirectory,
        *,
        everyone_may_create_teams: bool,
        sign_in_advice: str = "",
        admin_advice: str = "",
    ) -> None:
        self._directory = directory
        self._sign_in_advice = sign_in_advice
        self._admin_advice = admin_advice
        self._everyone_may_create_teams = everyone_may_create_teams

    def refusal(self, operation: str, viewer: Viewer | None) -> NotAllowed | None:
        """The refusal, or None if allowed. Team ownership is checked by `refusal_on_team`."""
        match RULES[operation]:
            case Who.ANYBODY:
                return None
            case _ if viewer is None:
                return _refused("You must be signed in to do this.", self._sign_in_advice)
            case Who.SIGNED_IN:
                return None
            case _ if viewer.is_admin:
                return None
            case Who.ADMINS:
                return _refused("You must be an admin to do this.", self._admin_advice)
            case Who.ADMINS_OR_ALL_IF_SET | Who.ADMINS_OR_CREATORS:
                if self._everyone_may_create_teams:
                    return None
                return _refused("You must be an admin to do this.", self._admin_advice)

    async def refusal_on_team(
        self, operation: str, viewer: Viewer | None, team_id: TeamId
    ) -> NotAllowed | None:
        """The refusal of an operation, on this team if it names one, or None if allowed.

        A team's creator never changes, so reading it before the write is no race. A team that does
        not exist has no creator and is refused. *Raises*: `DatabaseUnavailable`.
        """
        if refused := self.refusal(operation, viewer):
            return refused
        if viewer is None or viewer.is_admin or RULES[operation] is not Who.ADMINS_OR_CREATORS:
            return None
        if check_id("teamId", team_id) is None:
            creator_id = await self._directory.find_creator(team_id)
            if creator_id == viewer.user_id:
                return None
        return _refused(
            "You must be an admin, or have created the team, to do this.", self._admin_advice
        )


def _refused(sentence: str, advice: str) -> NotAllowed:
    return NotAllowed(f"{sentence} {advice}".rstrip())
