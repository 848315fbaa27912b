"""The files of the pages for browsers, and the headers that they share."""

from importlib.resources.abc import Traversable
from typing import Final

from starlette.responses import Response

_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".ts": "text/plain"}


def page_headers(content_sources: str) -> dict[str, str]:
    """Headers of a page that loads from these sources alone (CSP) and is shown in no frame."""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; {content_sources}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }


def files_in(folder: Traversable, headers: dict[str, str]) -> dict[str, Response]:
    """The scripts and styles in a folder, by name."""
    return {
        file.name: Response(file.read_bytes(), headers=headers, media_type=media_type)
        for file in folder.iterdir()
        for ending, media_type in _MEDIA_TYPES.items()
        if file.name.endswith(ending)
    }
