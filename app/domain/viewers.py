"""Who asks: a signed-in user, an admin among them, or nobody (None)."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in user, until the sign-in expires; None where it does not."""

    user_id: UserId
    is_admin: bool = False
    expires_at: datetime | None = None
