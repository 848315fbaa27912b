"""The repository's Markdown pages, which tests compare with the code."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMES = (
    "README.md",
    "app/README.md",
    "app/api/README.md",
    "app/storage/README.md",
    "app/serving/README.md",
    "app/doctor/README.md",
    "tests/README.md",
    "scripts/README.md",
)
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in _NAMES}
ALL_PAGES = "\n".join(PAGES.values())
