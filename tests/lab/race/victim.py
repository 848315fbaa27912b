"""Finds the victim to show: a bout that the classic code lost, and that ours had as well."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.lab.race.clients import ACCEPTED, ALREADY_ON_TEAM
from tests.lab.race.fight import Attempt, Fight, FoughtBout
from tests.lab.race.steps import Step, read_steps
from tests.lab.race.workload import Intention, server_of

# Each step of every server is held against the candidates of its user.
MAX_CANDIDATES = 300

# Below this, two events would get the same time stamp in the picture.
DISTINCT_NS = 20_000


@dataclass(frozen=True)
class Contender:
    """One client's attempt, with the server it went through and the steps of that server for it."""

    intention: Intention
    outcome: str
    server: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Duel:
    first: Contender
    second: Contender

    @property
    def steps(self) -> list[tuple[Contender, Step]]:
        both = [(one, step) for one in (self.first, self.second) for step in one.steps]
        return sorted(both, key=lambda pair: pair[1].began_ns)


@dataclass(frozen=True)
class Victim:
    """A bout in which the classic code put a user on two teams, and the same bout in ours.

    In both, the client that was the first one in the classic code comes first.
    """

    user: str
    classic: Duel
    ours: Duel


def find_victim(
    classic: Fight, classic_steps: Sequence[Path], ours: Fight, our_steps: Sequence[Path]
) -> Victim | None:
    """The clearest case in which nobody else touched the user meanwhile and both checked first."""
    keys = [key for key, bout in classic.remembered.items() if _is_lost(classic, bout)]
    keys = [key for key in keys if key in ours.remembered and _is_won(ours.remembered[key])]
    keys.sort(key=lambda key: _span(classic.remembered[key]) + _span(ours.remembered[key]))
    keys = keys[:MAX_CANDIDATES]
    lost = _duels(classic, keys, classic_steps)
    won = _duels(ours, keys, our_steps)
    clear = [key for key in keys if _both_checked_first(lost.get(key)) and _is_told(won.get(key))]
    if not clear:
        return None
    key = min(clear, key=lambda key: _obscurity(lost[key], won[key]))
    return Victim(classic.remembered[key].bout.user, lost[key], _arrange(won[key], lost[key]))


def _arrange(duel: Duel, like: Duel) -> Duel:
    is_alike = duel.first.intention == like.first.intention
    return duel if is_alike else Duel(duel.second, duel.first)


def _is_lost(classic: Fight, fought: FoughtBout) -> bool:
    """True if both were accepted, into different teams."""
    if (
        len(fought.attempts) != 2
        or fought.bout.user not in classic.violations.ever_on_several_teams
    ):
        return False
    one, other = fought.attempts
    return (
        one.answer.outcome == other.answer.outcome == ACCEPTED
        and one.intention.team != other.intention.team
    )


def _is_won(fought: FoughtBout) -> bool:
    """True if one was accepted, and the other was refused with the name of that team."""
    for winner, loser in (fought.attempts, fought.attempts[::-1]):
        if winner.answer.outcome == ACCEPTED and loser.answer.outcome == ALREADY_ON_TEAM:
            return loser.answer.current_team == winner.intention.team
    return False


def _span(fought: FoughtBout) -> int:
    began, ended = _window(fought)
    return ended - began


def _window(fought: FoughtBout) -> tuple[int, int]:
    sent = min(attempt.sent_ns for attempt in fought.attempts)
    return sent, max(attempt.answered_ns for attempt in fought.attempts)


Key = tuple[int, int]


def _duels(fight: Fight, keys: Sequence[Key], paths: Sequence[Path]) -> dict[Key, Duel]:
    """The bouts with their steps; without those in which somebody else had to do with the user."""
    candidates = {key: fight.remembered[key] for key in keys}
    of_user: dict[str, list[Key]] = defaultdict(list)
    for key, fought in candidates.items():
        of_user[fought.bout.user].append(key)
    found: dict[Key, list[tuple[int, Step]]] = defaultdict(list)
    for server, path in enumerate(paths):
        for step in read_steps(path):
            for key in of_user.get(step.user, ()):
                began, ended = _window(candidates[key])
                if began <= step.ended_ns and step.began_ns <= ended:
                    found[key].append((server, step))
    names = fight.team_names
    duels = {
        key: _duel(candidates[key].attempts, steps, len(paths), names)
        for key, steps in found.items()
    }
    return {key: duel for key, duel in duels.items() if duel is not None}


def _duel(
    attempts: Sequence[Attempt], steps: list[tuple[int, Step]], servers: int, names: dict[str, str]
) -> Duel | None:
    contenders = []
    for attempt in attempts:
        wanted = attempt.intention
        server = server_of(wanted.client, servers)
        own = [s for at, s in steps if (at, names[s.team]) == (server, wanted.team)]
        own.sort(key=lambda step: step.began_ns)
        contenders.append(Contender(wanted, attempt.answer.outcome, server, tuple(own)))
    first, second = sorted(contenders, key=lambda one: [step.began_ns for step in one.steps])
    is_all = len(first.steps) + len(second.steps) == len(steps)
    return Duel(first, second) if is_all and first.steps else None


def _both_checked_first(duel: Duel | None) -> bool:
    """True if both checks had ended before either write began."""
    if duel is None:
        return False
    kinds = [[step.what for step in one.steps] for one in (duel.first, duel.second)]
    if kinds != [["check", "write"]] * 2:
        return False
    checks, writes = zip(duel.first.steps, duel.second.steps, strict=True)
    begun = max(step.began_ns for step in checks) < min(step.began_ns for step in writes)
    return begun and max(s.ended_ns for s in checks) < min(s.ended_ns for s in writes)


def _is_told(duel: Duel | None) -> bool:
    """True if one wrote, and the other was refused and read the reason."""
    if duel is None:
        return False
    kinds = sorted([step.what for step in one.steps] for one in (duel.first, duel.second))
    return kinds == [["write"], ["write", "read"]]


def _obscurity(lost: Duel, won: Duel) -> tuple[bool, bool, bool]:
    """Greater for stories that are harder to read; of the least ones the quickest is taken.

    Best are stamps that all differ, writes that met in ours as well, and then in the classic code
    check, check, write, write, one after the other.
    """
    times = sorted(time for _, step in lost.steps for time in (step.began_ns, step.ended_ns))
    smallest_gap = min(later - earlier for earlier, later in pairwise(times))
    first, second = won.first.steps[0], won.second.steps[0]
    checks, writes = zip(lost.first.steps, lost.second.steps, strict=True)
    last_check, first_write = max(s.ended_ns for s in checks), min(s.began_ns for s in writes)
    return (
        smallest_gap < DISTINCT_NS,
        second.began_ns >= first.ended_ns,
        last_check >= first_write,
    )
