"""Faults: what goes wrong that no caller can be blamed for.

An expected refusal is a problem and is returned (`problems.py`); a fault is raised.

    Fault
    ├── DatabaseUnavailable      the database did not answer in time
    ├── PlaceLost                the team that a cursor stands for is gone
    ├── HistoryIncomplete        the change log lacks a change that has been shown
    ├── MomentGone               the database no longer keeps what was so at a moment
    ├── TooMuchContention        every attempt lost to somebody else's change
    ├── TeamDamaged              another program wrote what no team can hold
    ├── DatabaseUnsuitable       the database cannot carry the guarantees: refuse to start
    ├── RepairStopped            a repair of old data cannot go on; nothing is lost
    └── EmbeddedDatabaseFailed   the service's own mongod cannot run here

The message of a `DatabaseUnsuitable`, a `RepairStopped` or an `EmbeddedDatabaseFailed` is written
for the operator and is printed as it stands; no fault's message reaches a client.
"""


class Fault(Exception):
    """The base of all faults."""


class DatabaseUnavailable(Fault):
    """The database could not be reached, or did not answer within the time limit.

    A write may or may not have happened; repeating it with the same request id is safe.
    """


class TooMuchContention(Fault):
    """Every attempt met a change by somebody else, and no reason to refuse was found.

    Nothing was written; repeating the request is safe.
    """


class TeamDamaged(Fault):
    """A team's document holds something that makes it impossible to show or to change the team.

    Nothing was written. It concerns that team alone; the doctor repairs it.
    """


class PlaceLost(Fault):
    """The team that a cursor stands for is gone, so nobody knows any more where that was.

    Of damaged teams alone: the cursor of any other holds its own place.
    """


class HistoryIncomplete(Fault):
    """The change log does not hold a change that it has held: somebody has removed it.

    A feed ends here rather than pass over it.
    """


class MomentGone(Fault):
    """The teams can't be read as they were at a moment: it is minutes ago, or was not here."""


class DatabaseUnsuitable(Fault):
    """The deployment or its data cannot hold the guarantees, so the server must not start.

    Its `cases` name users and teams, for an operator's eyes: they get into no log for machines.
    """

    def __init__(self, sentence: str, *, cases: str = "") -> None:
        super().__init__(sentence)
        self.cases = cases

    @property
    def in_full(self) -> str:
        """The sentence, and the cases below it."""
        return f"{self}\n{self.cases}" if self.cases else str(self)


class RepairStopped(Fault):
    """A repair must not begin, or cannot go on. Running it again is safe."""


class EmbeddedDatabaseFailed(Fault):
    """The embedded mongod is missing, cannot start, or its data folder is in use."""
