"""Draws a victim's story as SVG: two sequence diagrams out of recorded steps, for light and dark.

Time goes down, a row for each event in the order in which they happened. Beside the least distance
at which they can be read, rows are as far apart as the events were in time; stamps at the left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.lab.race.clients import ACCEPTED
from tests.lab.race.steps import Step
from tests.lab.race.victim import Contender, Duel, Victim
from tests.lab.race.workload import ADMIN

WIDTH = 800
ROW = 31
STRETCH = 170  # shared out among the rows of a panel by the time between them

NAME = "Sue"  # in the story, whoever it was
HEAD = 112
FOOT = 76
TOP = 12
BOTTOM = 32

# Where the lifelines stand: the first server, the database, the second server.
LEFT, MIDDLE, RIGHT = 187, 436, 685
BOX = 212

# The card has a ground of its own, so that it can be read wherever it lies.
STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
text { font-size: 14px; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; }
.strong { font-weight: 600; }
.faint, .time { fill: #59636e; }
.time { font-size: 13px; font-variant-numeric: tabular-nums; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.box { fill: #f6f8fa; stroke: #d1d9e0; }
.line { stroke: #9aa4ae; stroke-dasharray: 3 4; }
.ask, .answer { stroke: #59636e; stroke-width: 1.5; }
.answer { stroke-dasharray: 5 3; }
.tip { fill: #59636e; }
.busy { fill: #54aeff; }
.gap { fill: #ff8182; }
.bad { fill: #ffebe9; stroke: #cf222e; }
.good { fill: #dafbe1; stroke: #1a7f37; }
.neutral { fill: #fff8c5; stroke: #9a6700; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .faint, .time { fill: #9198a1; }
  .card { fill: #0d1117; stroke: #3d444d; }
  .box { fill: #151b23; stroke: #3d444d; }
  .line { stroke: #656c76; }
  .ask, .answer { stroke: #9198a1; }
  .tip { fill: #9198a1; }
  .busy { fill: #1f6feb; }
  .gap { fill: #da3633; }
  .bad { fill: #3c1618; stroke: #f85149; }
  .good { fill: #12261e; stroke: #3fb950; }
  .neutral { fill: #272115; stroke: #d29922; }
}
"""


@dataclass(frozen=True)
class _Event:
    at_ns: int
    x: int
    is_answer: bool
    text: str


def draw(victim: Victim, *, seed: int) -> str:
    user = NAME
    first, second = _height(victim.classic), _height(victim.ours)
    height = TOP + first + second + BOTTOM
    teams = " and ".join(one.intention.team for one in _both(victim.classic))
    winner = next(one for one in _both(victim.ours) if one.outcome == ACCEPTED)
    title = f"How {user} got on two teams, and why that does not happen in Team Joiner"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        *_panel(
            TOP,
            "The classic code: check first, write after",
            victim.classic,
            (f"{user} is on two teams", teams, "bad"),
        ),
        *_panel(
            TOP + first,
            "Team Joiner, the same race: the check is part of the write",
            victim.ours,
            (f"{user} is on {winner.intention.team}", "and on no other", "good"),
        ),
        _text(
            WIDTH / 2,
            height - 16,
            "Recorded by scripts/race"
            f" (seed {seed}; {user} is user {victim.user}). Red: between check and write.",
            "time",
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _both(duel: Duel) -> tuple[Contender, Contender]:
    return duel.first, duel.second


def _height(duel: Duel) -> int:
    return HEAD + 2 * len(duel.steps) * ROW + STRETCH + FOOT


def _panel(top: int, title: str, duel: Duel, ending: tuple[str, str, str]) -> Iterator[str]:
    """One diagram; the ending is what the database holds, and how good that is."""
    events = sorted(_events(duel), key=lambda event: event.at_ns)
    start = events[0].at_ns
    span = max(1, events[-1].at_ns - start)
    rows = {
        event.at_ns: round(top + HEAD + ROW * n + STRETCH * (event.at_ns - start) / span)
        for n, event in enumerate(events)
    }
    foot = top + HEAD + ROW * len(events) + STRETCH - 8
    yield _text(WIDTH / 2, top + 24, title, "title")
    for x in (LEFT, MIDDLE, RIGHT):
        yield f'<line class="line" x1="{x}" y1="{top + 86}" x2="{x}" y2="{foot}"/>'
    for x, one in zip((LEFT, RIGHT), _both(duel), strict=True):
        yield from _box(x, top + 38, f"Server {one.server + 1}", _wish(one), "box")
        yield from _bars(x, one.steps, rows)
    yield from _box(MIDDLE, top + 38, "MongoDB", "the teams", "box")
    for event in events:
        y = rows[event.at_ns]
        yield _text(14, y + 5, f"{(event.at_ns - start) / 1e6:.2f} ms", "time", anchor="start")
        yield from _arrow(event, y)
    for x, one in zip((LEFT, RIGHT), _both(duel), strict=True):
        accepted = one.outcome == ACCEPTED
        style = ("bad" if ending[2] == "bad" else "good") if accepted else "neutral"
        other = duel.second if one is duel.first else duel.first
        told = one if accepted else other
        yield from _box(x, foot, one.outcome, f"on {told.intention.team}", style)
    yield from _box(MIDDLE, foot, *ending)


def _events(duel: Duel) -> Iterator[_Event]:
    for x, one in zip((LEFT, RIGHT), _both(duel), strict=True):
        other = duel.second if one is duel.first else duel.first
        for step in one.steps:
            asked, answered = _words(one, step, other.intention.team)
            yield _Event(step.began_ns, x, is_answer=False, text=asked)
            yield _Event(step.ended_ns, x, is_answer=True, text=answered)


def _words(one: Contender, step: Step, other_team: str) -> tuple[str, str]:
    """The labels of the request to the database and of its answer."""
    user, team = NAME, one.intention.team
    if step.what == "check":
        return f"check: is {user} on a team?", "on none"
    if step.what == "read":
        return f"where is {user}?", f"on {other_team}"
    if step.found == "done":
        return f"write: push {user} onto {team}", "done"
    return f"add {user} to {team} if free", step.found


def _wish(one: Contender) -> str:
    user, team = NAME, one.intention.team
    if one.intention.kind == "join":
        return f"{user} joins {team}"
    return f"{ADMIN.capitalize()} adds {user} to {team}"


def _bars(x: int, steps: tuple[Step, ...], rows: dict[int, int]) -> Iterator[str]:
    """While the server waits for the database; and, in the classic code, while it is deceived."""
    for step in steps:
        yield _bar(x, rows[step.began_ns], rows[step.ended_ns], "busy")
    if steps[0].what == "check":
        yield _bar(x, rows[steps[0].ended_ns], rows[steps[-1].began_ns], "gap")


def _bar(x: int, top: int, bottom: int, style: str) -> str:
    return f'<rect class="{style}" x="{x - 4}" y="{top}" width="8" height="{bottom - top}"/>'


def _arrow(event: _Event, y: int) -> Iterator[str]:
    """Between a server and the database, with its words above."""
    inwards = 1 if event.x < MIDDLE else -1
    server, database = event.x + 6 * inwards, MIDDLE - 2 * inwards
    begin, end = (database, server) if event.is_answer else (server, database)
    towards = 1 if end > begin else -1
    style = "answer" if event.is_answer else "ask"
    yield f'<line class="{style}" x1="{begin}" y1="{y}" x2="{end - 6 * towards}" y2="{y}"/>'
    yield (
        f'<path class="tip" d="M{end} {y} l{-8 * towards} -4.5 v9 z"/>'
        + _text((server + database) / 2, y - 6, event.text, "")
    )


def _box(x: int, y: int, first: str, second: str, style: str) -> Iterator[str]:
    yield f'<rect class="{style}" x="{x - BOX / 2:g}" y="{y}" width="{BOX}" height="48" rx="6"/>'
    yield _text(x, y + 20, first, "strong")
    yield _text(x, y + 39, second, "")


def _text(x: float, y: float, text: str, style: str, *, anchor: str = "middle") -> str:
    return f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
