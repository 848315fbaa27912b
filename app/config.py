"""Settings: every one has a name in the environment, limits, and a default; read once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from app.domain.teams import MAX_CAPACITY

LOG_LEVELS: Final = ("critical", "error", "warning", "info", "debug")


# What the command line says of each setting: the option's value, and a sentence with its default.
HELP: Final[Mapping[str, tuple[str, str]]] = {
    "host": ("ADDRESS", "The address to listen on; 127.0.0.1 if not given."),
    "port": ("NUMBER", "The port to listen on; 8000 if not given, 0 for any free one."),
    "workers": ("NUMBER", "How many processes share the port, 1 to 64; 1 if not given."),
    "mongodb_uri": (
        "URI",
        "The MongoDB replica set to use. If not given, a MongoDB of its own is started.",
    ),
    "mongodb_database": ("NAME", "The database in MongoDB; team_joiner if not given."),
    "data_dir": ("FOLDER", "Where a MongoDB of its own keeps its data; .data if not given."),
    "log_level": ("LEVEL", "critical, error, warning, info or debug; info if not given."),
    "default_capacity": (
        "NUMBER",
        "The most members of a team without a capacity of its own, 1 to 10000; 1000 if not given.",
    ),
    "request_timeout_seconds": (
        "SECONDS",
        "The time within which every request is answered, 0.1 to 60; 5 if not given.",
    ),
    "request_memory_hours": (
        "NUMBER",
        "How long a request id is remembered, 1 to 8760; 24 if not given.",
    ),
    "max_body_bytes": ("NUMBER", "The largest request body; 1000000 if not given."),
    "arrival_timeout_seconds": (
        "SECONDS",
        "The time within which a request must have arrived, 0.1 to 60; 10 if not given.",
    ),
    "max_tokens": ("NUMBER", "The most tokens of a document; 2000 if not given."),
    "max_depth": ("NUMBER", "How deep fields may be nested, 1 to 100; 15 if not given."),
    "max_aliases": ("NUMBER", "The most aliases of an operation; 30 if not given."),
    "max_directives": ("NUMBER", "The most directives of an operation; 50 if not given."),
    "max_root_fields": ("NUMBER", "The most fields at an operation's root; 20 if not given."),
    "max_cost": ("NUMBER", "The most values that an answer may come to hold; 10000 if not given."),
    "max_batch_size": (
        "NUMBER",
        "The most operations in one request, 0 to 100; 0 if not given: no batches.",
    ),
    "max_subscriptions_per_connection": (
        "NUMBER",
        "The most operations at once on one WebSocket; 100 if not given.",
    ),
    "max_connections_per_user": (
        "NUMBER",
        "The most WebSockets and event streams of one user, or of one address for those who have "
        "not signed in, in each process; 100 if not given.",
    ),
    "max_waiting_connections": (
        "NUMBER",
        "The most WebSockets in each process that have not said hello; 1000 if not given.",
    ),
    "introspection": ("ON/OFF", "Whether the schema may be asked for; on if not given."),
    "graphiql": ("ON/OFF", "Whether a browser gets a page; on if not given."),
    "trusted_documents": ("PATH", "A manifest or a folder of registered documents."),
    "only_trusted_documents": (
        "ON/OFF",
        "Whether registered documents alone are answered; off if not given.",
    ),
    "max_persisted_queries": (
        "NUMBER",
        "How many documents of clients are remembered by their hash (automatic persisted queries); "
        "1000 if not given, 0 for none.",
    ),
}


class SettingsError(Exception):
    """A setting that can't be used; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose. `mongodb_uri` is None where the embedded database serves.

    *Limits*: `request_timeout_seconds` bounds every request, with all that it waits for.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    mongodb_uri: str | None = None
    mongodb_database: str = "team_joiner"
    data_dir: Path = Path(".data")
    log_level: str = "info"
    default_capacity: int = 1_000
    request_timeout_seconds: float = 5.0
    max_body_bytes: int = 1_000_000
    request_memory_hours: int = 24
    arrival_timeout_seconds: float = 10.0
    max_tokens: int = 2_000
    max_depth: int = 15
    max_aliases: int = 30
    max_directives: int = 50
    max_root_fields: int = 20
    max_cost: int = 10_000
    max_batch_size: int = 0
    max_subscriptions_per_connection: int = 100
    max_connections_per_user: int = 100
    max_waiting_connections: int = 1_000
    introspection: bool = True
    graphiql: bool = True
    trusted_documents: Path | None = None
    only_trusted_documents: bool = False
    max_persisted_queries: int = 1_000

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that an environment gives. *Raises*: `SettingsError`.

        A variable that is set to nothing counts as not set.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = field.name.upper()
            if text := environment.get(name, "").strip():
                given[field.name] = _PARSERS[field.name](name, text)
        return cls(**given)


def _whole_number(least: int, most: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not is_number or not least <= int(text) <= most:
            raise SettingsError(f"{name} must be a whole number from {least} to {most}: {text!r}.")
        return int(text)

    return parse


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0.1 <= seconds <= 60:
        raise SettingsError(f"{name} must be a number of seconds from 0.1 to 60: {text!r}.")
    return seconds


def _switch(name: str, text: str) -> bool:
    if text.lower() not in {"on", "off"}:
        raise SettingsError(f"{name} must be on or off: {text!r}.")
    return text.lower() == "on"


def _host(name: str, text: str) -> str:
    if text == "localhost" or _is_address(text):
        return text
    raise SettingsError(f"{name} must be an IP address of this machine, or localhost: {text!r}.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _log_level(name: str, text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise SettingsError(f"{name} must be one of {', '.join(LOG_LEVELS)}: {text!r}.")
    return text.lower()


def _mongodb_uri(name: str, text: str) -> str:
    # What follows the scheme is the driver's to judge; it may hold a password, so it is not shown.
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError(f"{name} must begin with mongodb:// or mongodb+srv://.")
    return text


# The printable characters that MongoDB refuses in the name of a database, on any platform.
_NOT_IN_NAMES: Final = '/\\. "$*<>:|?'


def _database(name: str, text: str) -> str:
    if not text.isprintable() or len(text.encode()) > 63 or any(c in text for c in _NOT_IN_NAMES):
        raise SettingsError(
            f"{name} must be at most 63 bytes without any of {_NOT_IN_NAMES} : {text!r}."
        )
    return text


def _folder(name: str, text: str) -> Path:
    try:
        folder = Path(text).expanduser()
        is_taken = folder.exists() and not folder.is_dir()
    except (OSError, RuntimeError) as error:  # a path too long, or the home of nobody
        raise SettingsError(f"{name} must be a folder that can be used: {text!r}.") from error
    if is_taken:
        raise SettingsError(f"{name} must be a folder, but {folder} is something else.")
    return folder


def _existing(name: str, text: str) -> Path:
    try:
        path = Path(text).expanduser()
        is_there = path.exists()
    except (OSError, RuntimeError, ValueError):
        is_there = False
    if not is_there:
        raise SettingsError(f"{name} must be a file or a folder that is there: {text!r}.")
    return path


_PARSERS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "host": _host,
    "port": _whole_number(0, 65_535),
    "workers": _whole_number(1, 64),
    "mongodb_uri": _mongodb_uri,
    "mongodb_database": _database,
    "data_dir": _folder,
    "log_level": _log_level,
    "default_capacity": _whole_number(1, MAX_CAPACITY),
    "request_timeout_seconds": _seconds,
    "request_memory_hours": _whole_number(1, 24 * 365),
    "max_body_bytes": _whole_number(1_000, 100_000_000),
    "arrival_timeout_seconds": _seconds,
    "max_tokens": _whole_number(1, 100_000),
    "max_depth": _whole_number(1, 100),
    "max_aliases": _whole_number(0, 10_000),
    "max_directives": _whole_number(0, 10_000),
    "max_root_fields": _whole_number(1, 10_000),
    "max_cost": _whole_number(1, 10_000_000),
    "max_batch_size": _whole_number(0, 100),
    "max_subscriptions_per_connection": _whole_number(1, 10_000),
    "max_connections_per_user": _whole_number(1, 1_000_000),
    "max_waiting_connections": _whole_number(1, 1_000_000),
    "introspection": _switch,
    "graphiql": _switch,
    "trusted_documents": _existing,
    "only_trusted_documents": _switch,
    "max_persisted_queries": _whole_number(0, 100_000),
}
