"""The live board at /: a page that shows the teams and changes them through the API alone."""

import json
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.api.http.page_files import files_in, page_headers

# Everything comes from this server, and no style or script stands in the HTML.
_HEADERS: Final = page_headers(
    "script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
)


def board_routes(*, development: bool) -> list[Route]:
    """The board at /, its files below /board, and the files of the client module at the root."""
    folder = files("app.board")
    html = folder.joinpath("index.html").read_text(encoding="utf-8")
    page = HTMLResponse(
        html.replace("SETTINGS", json.dumps({"development": development})), headers=_HEADERS
    )
    served = files_in(folder, _HEADERS)
    client = {name: file for name, file in served.items() if name.startswith("team-joiner")}
    return [
        _route("/", page),
        *(_route(f"/board/{name}", file) for name, file in served.items()),
        *(_route(f"/{name}", file) for name, file in client.items()),
    ]


def _route(path: str, response: Response) -> Route:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        return response

    return Route(path, endpoint)
