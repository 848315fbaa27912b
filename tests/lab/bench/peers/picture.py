"""Draws the figures of the comparison as bars, in SVG, for light and dark."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH = 800
ROW, TITLE, GAP, MARGIN = 24, 32, 14, 16
NAMES = 140  # where the names end
RATES, TIMES, LONGEST = 150, 480, 240  # where the bars begin, and the longest one

# The card has a ground of its own, so that it can be read wherever it lies.
STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
text { font-size: 14px; fill: #1f2328; }
.title { font-weight: 600; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.rate { fill: #9aa4ae; }
.ours { fill: #0969da; }
.server { fill: #54aeff; }
.mongod { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .card { fill: #0d1117; stroke: #3d444d; }
  .rate { fill: #656c76; }
  .ours { fill: #1f6feb; }
  .server { fill: #388bfd; }
  .mongod { fill: #3fb950; }
}
"""


class Figures(NamedTuple):
    """One side's figures for one workload: of a round, or the medians of all rounds."""

    rate: float
    p50_ms: float
    p99_ms: float
    server_ms: float
    mongod_ms: float


Results = Mapping[str, Mapping[str, Figures]]
"""The figures by workload and side; our side comes first."""


def draw(results: Results) -> str:
    """A panel for each workload, with a scale of its own."""
    rows = sum(len(panel) for panel in results.values())
    height = 2 * MARGIN + rows * ROW + len(results) * (TITLE + GAP) + ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>Rates and processor time by server</title><style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
    ]
    top = MARGIN
    for title, panel in results.items():
        parts += _panel(top, title, panel)
        top += TITLE + len(panel) * ROW + GAP
    for x, style, text in ((TIMES, "server", "server"), (TIMES + 90, "mongod", "mongod")):
        parts += [_bar(style, x, top, 14, 14), _text(x + 20, top + 12, text)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(top: int, title: str, panel: Mapping[str, Figures]) -> Iterator[str]:
    yield _text(MARGIN, top + 18, f"{title}: per second", "title")
    yield _text(TIMES, top + 18, "processor ms per operation", "title")
    most_rate = max(found.rate for found in panel.values())
    most_ms = max(1e-9, *(found.server_ms + found.mongod_ms for found in panel.values()))
    for n, (name, found) in enumerate(panel.items()):
        y = top + TITLE + n * ROW
        yield f'<text x="{NAMES}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        length = LONGEST * found.rate / most_rate
        yield _bar("rate" if n else "ours", RATES, y, length)
        yield _text(RATES + length + 8, y + 14, f"{found.rate:,.0f}")
        server, mongod = (LONGEST * part / most_ms for part in (found.server_ms, found.mongod_ms))
        yield _bar("server", TIMES, y, server)
        yield _bar("mongod", TIMES + server, y, mongod)
        total = found.server_ms + found.mongod_ms
        yield _text(TIMES + server + mongod + 8, y + 14, f"{total:.2f}")


def _bar(style: str, x: float, y: float, width: float, height: int = ROW - 6) -> str:
    return f'<rect class="{style}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y}">{escape(text)}</text>'
