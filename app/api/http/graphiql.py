"""The page at /graphql: GraphiQL, or our own explorer if its CDN is unreachable.

Its files lie in the folder `page` and are served below /graphql.
"""

import json
from importlib.resources import files
from typing import Final

from starlette.responses import HTMLResponse, Response

from app.api.http.page_files import files_in, page_headers

# unpkg serves a package's files as they are on npm, so their hashes can be pinned. GraphiQL 4 is
# the last release with a bundle. Release 5 consists of modules for a build step; a CDN that builds
# them (esm.sh) lets a page pin only the first of many files. The last bundle of React is 18.
CDN_FILES: Final = (
    (
        "https://unpkg.com/graphiql@4.1.2/graphiql.min.css",
        "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr",
    ),
    (
        "https://unpkg.com/react@18.3.1/umd/react.production.min.js",
        "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    ),
    (
        "https://unpkg.com/react-dom@18.3.1/umd/react-dom.production.min.js",
        "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
    ),
    (
        "https://unpkg.com/graphiql@4.1.2/graphiql.min.js",
        "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B",
    ),
)
_SCRIPTS: Final = " ".join(url for url, _ in CDN_FILES if url.endswith(".js"))
_STYLES: Final = " ".join(url for url, _ in CDN_FILES if url.endswith(".css"))

# Scripts are our own files and the pinned ones, to the exact address. Styles may stand in elements,
# which GraphiQL's editor makes. No page of another origin may show this one inside a frame.
PAGE_HEADERS: Final = page_headers(
    f"script-src 'self' {_SCRIPTS}; connect-src 'self'; "
    f"style-src 'self' 'unsafe-inline' {_STYLES}; font-src data:; img-src 'self' data:"
)


def graphiql_page(**settings: object) -> Response:
    """The page's HTML, with the settings for its scripts."""
    embedded = json.dumps({**settings, "cdnFiles": CDN_FILES}).replace("<", "\\u003c")
    page = files(__package__).joinpath("page", "page.html").read_text(encoding="utf-8")
    return HTMLResponse(page.replace("SETTINGS", embedded), headers=PAGE_HEADERS)


def page_files() -> dict[str, Response]:
    """The page's scripts and styles by name."""
    return files_in(files(__package__).joinpath("page"), PAGE_HEADERS)
