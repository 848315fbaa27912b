"""The live board at /: a page that shows the teams and changes them through the API alone."""

import json
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".ts": "text/plain"}

# Everything comes from this server, and no style or script stands in the HTML.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def board_routes(*, development: bool) -> list[Route]:
    """The board at /, its files below /board, and the client module at /team-joiner.js."""
    folder = files("app.board")
    html = folder.joinpath("index.html").read_text(encoding="utf-8")
    page = HTMLResponse(
        html.replace("SETTINGS", json.dumps({"development": development})), headers=_HEADERS
    )
    served = {
        file.name: Response(file.read_bytes(), headers=_HEADERS, media_type=media_type)
        for file in folder.iterdir()
        for ending, media_type in _MEDIA_TYPES.items()
        if file.name.endswith(ending)
    }
    client = {name: served[name] for name in ("team-joiner.js", "team-joiner.d.ts")}
    return [
        _route("/", page),
        *(_route(f"/board/{name}", file) for name, file in served.items()),
        *(_route(f"/{name}", file) for name, file in client.items()),
    ]


def _route(path: str, response: Response) -> Route:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        return response

    return Route(path, endpoint)
