"""The page at /graphql: GraphiQL, or a small explorer of our own where its CDN is out of reach."""

from importlib.resources import files
from typing import Final

# No page of somebody else's may show this one within itself, and lead hands to its buttons.
GRAPHIQL_HEADERS: Final = {"Content-Security-Policy": "frame-ancestors 'none'"}


def read_graphiql_page() -> str:
    """The page's HTML, which stands beside this module."""
    return files(__package__).joinpath("graphiql.html").read_text(encoding="utf-8")
