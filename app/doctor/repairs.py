"""What passes between the doctor's walk and the storage that it repairs."""

from dataclasses import dataclass

from app.doctor.rules.repair_plan import Cure
from app.doctor.rules.stored_team import ClassicTeam
from app.domain.ids import TeamId


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something about the collection itself that stands in our way, and what a repair does."""

    what: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """A document as it was read, and what is to be written in its place."""

    team: ClassicTeam
    cure: Cure


@dataclass(frozen=True, slots=True)
class Undone:
    """How many entries of the journal were looked at, and what came of them.

    A team that somebody has changed since the repair is kept as it is; `kept_ids` names the first.
    """

    entries: int = 0
    restored: int = 0
    kept: int = 0
    kept_ids: tuple[TeamId, ...] = ()
