"""All rules together."""

from collections.abc import Sequence

from tests.lab.checker.acknowledged import check_acknowledged
from tests.lab.checker.change_log import check_change_log
from tests.lab.checker.evidence import Evidence
from tests.lab.checker.feeds import check_feeds
from tests.lab.checker.history import FinalState, Operation
from tests.lab.checker.memberships import check_memberships
from tests.lab.checker.never_back import check_never_back
from tests.lab.checker.one_team import check_one_team
from tests.lab.checker.true_answers import check_true_answers
from tests.lab.checker.unacknowledged import check_unacknowledged
from tests.lab.checker.versions import check_versions
from tests.lab.checker.violations import Violation

RULES = (
    check_memberships,
    check_versions,
    check_acknowledged,
    check_unacknowledged,
    check_change_log,
    check_one_team,
    check_true_answers,
    check_never_back,
    check_feeds,
)


def check(operations: Sequence[Operation], final: FinalState) -> list[Violation]:
    """Everything that is wrong with a run, by all rules; empty when nothing is.

    One fault often breaks several rules, each of which says what it sees.
    """
    evidence = Evidence(operations, final)
    return [violation for rule in RULES for violation in rule(evidence)]
