"""Faults: exceptions for failures that are not the caller's.

An expected refusal is a problem and is returned (`problems.py`); a fault is raised.

    Fault
    ├── DatabaseUnavailable      the database did not answer in time
    ├── PlaceLost                the team that a cursor refers to is gone
    ├── HistoryIncomplete        the change log lacks a change that has been shown
    ├── MomentGone               the database no longer keeps a snapshot of that time
    ├── TooMuchContention        every attempt met a concurrent change
    ├── TeamDamaged              an external writer stored an invalid team
    ├── DatabaseUnsuitable       the database cannot carry the guarantees: refuse to start
    ├── RepairStopped            a repair of old data cannot go on; nothing is lost
    └── EmbeddedDatabaseFailed   the service's own mongod cannot run here

The message of a `DatabaseUnsuitable`, a `RepairStopped` or an `EmbeddedDatabaseFailed` is written
for the operator and is printed as it is; no fault's message reaches a client.
"""


class Fault(Exception):
    """The base of all faults."""


class DatabaseUnavailable(Fault):
    """The database could not be reached, or did not answer within the time limit.

    A write may or may not have happened; repeating it with the same request id is safe.
    """


class TooMuchContention(Fault):
    """Every attempt met a concurrent change, and no reason for a refusal was found.

    Nothing was written; repeating the request is safe.
    """


class TeamDamaged(Fault):
    """A team's document has values with which the team can be neither shown nor changed.

    Nothing was written. Other teams are not affected; the doctor repairs it.
    """


class PlaceLost(Fault):
    """The team that a cursor refers to is gone, and with it the cursor's position.

    Damaged teams only: the cursor of any other team contains its position.
    """


class HistoryIncomplete(Fault):
    """The change log lacks a change that it once contained: an external writer has removed it.

    A feed ends with this error rather than skip the change.
    """


class MomentGone(Fault):
    """No snapshot of that time: it is minutes old, before an index build, or in the future."""


class DatabaseUnsuitable(Fault):
    """The deployment or its data cannot hold the guarantees, so the server must not start.

    Its `cases` name users and teams: they are for the operator only, never for the JSON log.
    """

    def __init__(self, sentence: str, *, cases: str = "") -> None:
        super().__init__(sentence)
        self.cases = cases

    @property
    def in_full(self) -> str:
        """The sentence, followed by the cases."""
        return f"{self}\n{self.cases}" if self.cases else str(self)


class RepairStopped(Fault):
    """A repair must not begin, or cannot go on. Running it again is safe."""


class EmbeddedDatabaseFailed(Fault):
    """The embedded mongod is missing, cannot start, or its data folder is in use."""
