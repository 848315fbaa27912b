"""The links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.harness.pages import PAGES, ROOT

LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
PATH = re.compile(r"`((?:app|tests|scripts|\.ci)/[\w./-]+)`")
RELATIVE_PATH = re.compile(r"`([\w-]+/[\w./-]*)`")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for file, anchor in LINK.findall(PAGES[page]):
        target = (ROOT / page).parent / file if file else ROOT / page

        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{file}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    folder = (ROOT / page).parent
    named = [Path(ROOT, path) for path in PATH.findall(PAGES[page])]
    rooms = {room.name for room in folder.iterdir() if room.is_dir()}
    named += [
        folder / path
        for path in RELATIVE_PATH.findall(PAGES[page])
        if path.partition("/")[0] in rooms
    ]

    assert [path for path in named if not path.exists()] == []


def test_every_page_is_checked() -> None:
    folders = (ROOT / folder for folder in ("app", "tests", "scripts"))
    found = {path.relative_to(ROOT) for folder in folders for path in folder.rglob("README.md")}

    ours = {str(path) for path in found if "node_modules" not in path.parts}
    assert ours | {"README.md"} == set(PAGES)
