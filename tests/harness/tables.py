"""Tables of the pages that come out of the code. Run as a program, it writes them anew.

A page has `<!-- table -->` and `<!-- end of table -->` around its table.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from app.api import codes
from app.api.codes import STATUSES, Code
from app.config import SETTINGS
from tests.harness.pages import ROOT

MARKED: Final = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.DOTALL)
MEANING: Final = re.compile(r'^    (\w+) = "\1"[^\n]*\n    """(.*?)"""', re.DOTALL | re.MULTILINE)


def settings_table() -> str:
    headings = ("option", "variable", "default", "accepted", "meaning")
    sections = []
    for group, settings in groupby(SETTINGS, lambda setting: setting.group):
        rows = [
            (
                *(_code(text) for text in (each.option, each.variable, each.default)),
                *(each.kind.accepted, each.help),
            )
            for each in settings
        ]
        sections.append(f"### {group}\n\n{_table(headings, rows)}")
    return "\n".join(sections)


def codes_table() -> str:
    """A row for each error code, with the member's docstring as its meaning."""
    source = Path(codes.__file__).read_text(encoding="utf-8")
    meanings = {name: " ".join(text.split()) for name, text in MEANING.findall(source)}
    rows = [
        (_code(code), f"{STATUSES[code]:d}" if code in STATUSES else "", meanings[code])
        for code in Code
    ]
    return _table(("code", "status", "meaning"), rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "app/serving/README.md": settings_table,
    "app/api/README.md": codes_table,
}


def _code(text: str) -> str:
    return text and f"`{text}`"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [headings, ["---" for _ in headings], *rows]
    return "".join(
        "".join(f"| {cell} " if cell else "| " for cell in line) + "|\n" for line in lines
    )


def _write(page: str, table: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (ROOT / page).write_text(MARKED.sub(lambda _: table, text), encoding="utf-8")


if __name__ == "__main__":
    for page, make in TABLES.items():
        _write(page, make())
