"""The MongoDB deployment to work with: the one that is named, or the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.config import Settings
from app.embedded.database import EmbeddedDatabase


@contextmanager
def deployment(settings: Settings) -> Iterator[str]:
    """Its URI. The embedded one runs as long as the context. *Raises*: `EmbeddedDatabaseFailed`."""
    if settings.mongodb_uri is not None:
        yield settings.mongodb_uri
    else:
        with EmbeddedDatabase(settings.data_dir) as embedded:
            yield embedded.uri
