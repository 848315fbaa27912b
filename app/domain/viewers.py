"""The viewer: a signed-in user, perhaps an admin; None if anonymous."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in user. `expires_at` is None if the sign-in does not expire."""

    user_id: UserId
    is_admin: bool = False
    expires_at: datetime | None = None
