"""Settings: type, default, accepted values, help and group of each stand once, in `Settings`.

Options, `--help`, environment variables and the table in `app/serving/README.md` come out of it.
Standard library only: pydantic-settings takes as long to import as `doctor --help` takes in all.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlsplit

from app.domain.teams import MAX_CAPACITY


class SettingsError(Exception):
    """An unusable setting; the message is a sentence for the operator, with variables' names."""

    def as_typed(self, given: Collection[str]) -> str:
        """The message, with the option in place of each variable that was `given` as an option."""
        options = {each.variable: each.option for each in SETTINGS if each.variable in given}
        return re.sub(r"(?<![\w-])[A-Z][A-Z_]+(?!\w)", lambda m: options.get(m[0], m[0]), str(self))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of value: how its text is converted and checked; either may raise `ValueError`."""

    metavar: str
    must_be: str
    convert: Callable[[str], Any] = str
    is_valid: Callable[[Any], object] = lambda _: True
    accepted: str = ""
    show: Callable[[Any], str] = str
    may_hold_password: bool = False


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):  # int() also reads "8_0", "+1" and "٣"
        raise ValueError
    return int(text)


def _whole(least: int, most: int) -> _Kind:
    bounds = f"{least} to {most}"
    must_be = f"a whole number from {bounds}"
    return _Kind("NUMBER", must_be, _digits, lambda it: least <= it <= most, bounds)


def _seconds(least: float, most: float) -> _Kind:
    bounds = f"{least:g} to {most:g}"
    must_be = f"a number of seconds from {bounds}"
    return _Kind("SECONDS", must_be, float, lambda it: least <= it <= most, bounds, "{:g}".format)


def _one_of(metavar: str, *names: str) -> _Kind:
    listed = ", ".join(names)
    return _Kind(metavar, f"one of {listed}", str.lower, names.__contains__, listed)


def _list_of(metavar: str, items: str, is_valid: Callable[[str], object], end: str = "") -> _Kind:
    def split(text: str) -> tuple[str, ...]:
        return tuple(part.strip().rstrip(end) for part in text.split(","))

    return _Kind(metavar, f"{items}, separated by commas", split, lambda it: all(map(is_valid, it)))


def _path(metavar: str, must_be: str, is_valid: Callable[[Path], object]) -> _Kind:
    return _Kind(metavar, must_be, lambda text: Path(text).expanduser(), is_valid)


def _is_name(text: str) -> bool:
    return text.isprintable() and len(text.encode()) <= 63 and not set(text) & set(_NOT_IN_NAME)


def _is_key_set_url(text: str) -> bool:
    parts = urlsplit(text)
    is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return bool(parts.hostname) and parts.port != 0 and (text.startswith("https://") or is_local)


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and text == f"{parts.scheme}://{parts.netloc}"


# The printable characters that MongoDB rejects in a database name, on any platform.
_NOT_IN_NAME: Final = '/\\. "$*<>:|?'
_IS_MONGODB: Final = re.compile(r"mongodb(\+srv)?://").match

_DATABASE: Final = _Kind("NAME", f"at most 63 bytes without {_NOT_IN_NAME} ", is_valid=_is_name)
_TEXT: Final = _Kind("TEXT", "text")
_SWITCH: Final = _Kind(
    "ON/OFF",
    "on or off",
    lambda text: ("off", "on").index(text.lower()) == 1,
    show=lambda on: "on" if on else "off",
)
_HOST: Final = _Kind(
    "ADDRESS",
    "an IP address of this machine, or localhost",
    is_valid=lambda text: text == "localhost" or ip_address(text),
)
_NETWORKS: Final = _list_of("ADDRESSES", "IP addresses or networks", ip_network)
_ORIGINS: Final = _list_of("ORIGINS", "origins such as https://app.example.com", _is_origin, "/")
_FOLDER: Final = _path("FOLDER", "a folder", lambda path: path.is_dir() or not path.exists())
_EXISTING: Final = _path("PATH", "an existing file or folder", Path.exists)


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's choices; `mongodb_uri` is None for the embedded database."""

    host: Annotated[str, _HOST, "Listen on this address."] = "127.0.0.1"
    port: Annotated[int, _whole(0, 65_535), "Listen on this port; 0 picks a free one."] = 8000
    workers: Annotated[int, _whole(1, 64), "Share the port among this many processes."] = 1
    allowed_origins: Annotated[
        tuple[str, ...], _ORIGINS, "Allow pages of these origins; in development, local ones too."
    ] = ()
    trusted_proxies: Annotated[tuple[str, ...], _NETWORKS, "Trust X-Forwarded-For from these."] = ()
    graphiql: Annotated[bool, _SWITCH, "Serve GraphiQL to browsers."] = True
    board: Annotated[bool | None, _SWITCH, "Serve the board at /; by default in development."] = (
        None
    )
    request_timeout_seconds: Annotated[
        float, _seconds(0.1, 60), "Answer every request within this time, queueing included."
    ] = 5.0
    arrival_timeout_seconds: Annotated[
        float, _seconds(0.1, 60), "Close connections whose request takes longer to arrive."
    ] = 10.0

    mongodb_uri: Annotated[
        str | None,
        _Kind(
            "URI",
            "a mongodb:// or mongodb+srv:// URI",
            is_valid=_IS_MONGODB,
            may_hold_password=True,
        ),
        "Use this MongoDB replica set (6.0 or newer), not an embedded one.",
    ] = None
    mongodb_database: Annotated[str, _DATABASE, "Store the data in this database."] = "team_joiner"
    mongodb_driver: Annotated[str, _one_of("NAME", "motor", "pymongo"), "Driver to use."] = "motor"
    data_dir: Annotated[Path, _FOLDER, "Store the embedded MongoDB's data here."] = Path(".data")

    default_capacity: Annotated[
        int, _whole(1, MAX_CAPACITY), "Allow this many members in teams without a capacity."
    ] = 1_000
    everyone_may_create_teams: Annotated[
        bool, _SWITCH, "Let signed-in users create teams, and change those they created."
    ] = False
    request_memory_hours: Annotated[int, _whole(1, 8_760), "Remember request ids this long."] = 24

    jwt_secret: Annotated[
        str | None, _TEXT, "Verify HS256 tokens with this secret of 32 bytes or more."
    ] = field(default=None, repr=False)
    jwt_key_file: Annotated[
        Path | None, _EXISTING, "Verify RS256 or ES256 tokens with the public key in this PEM file."
    ] = None
    jwt_jwks_url: Annotated[
        str | None,
        _Kind("URL", "an https:// URL", is_valid=_is_key_set_url, may_hold_password=True),
        "Verify RS256 or ES256 tokens with the key set (JWKS) at this URL.",
    ] = None
    jwt_issuer: Annotated[str | None, _TEXT, "Require this `iss` in every token."] = None
    jwt_audience: Annotated[str | None, _TEXT, "Require this `aud` in every token."] = None
    jwt_admin_claim: Annotated[
        str, _TEXT, "Read the admin role from this claim; a.b is the member b of a."
    ] = "role"
    jwt_admin_value: Annotated[
        str, _TEXT, "Make admins of users whose claim is, or contains, this value."
    ] = "admin"
    jwt_leeway_seconds: Annotated[int, _whole(0, 300), "Tolerate this clock skew."] = 10

    introspection: Annotated[
        bool, _SWITCH, "Answer introspection queries. If off, errors suggest no names."
    ] = True
    trusted_documents: Annotated[
        Path | None, _EXISTING, "Read registered documents from this manifest or folder."
    ] = None
    only_trusted_documents: Annotated[bool, _SWITCH, "Reject unregistered documents."] = False
    max_persisted_queries: Annotated[
        int, _whole(0, 100_000), "Remember this many documents by hash; 0 remembers none."
    ] = 1_000
    compiled_execution: Annotated[
        bool, _SWITCH, "Execute documents in compiled form. If off, by graphql-core alone."
    ] = True

    max_body_bytes: Annotated[int, _whole(1_000, 100_000_000), "Reject larger bodies."] = 1_000_000
    max_document_length: Annotated[
        int, _whole(100, 10_000_000), "Reject documents with more characters."
    ] = 100_000
    max_tokens: Annotated[int, _whole(1, 100_000), "Reject documents with more tokens."] = 2_000
    max_depth: Annotated[int, _whole(1, 100), "Reject documents with more levels of fields."] = 15
    max_aliases: Annotated[int, _whole(0, 10_000), "Reject more aliases per operation."] = 30
    max_directives: Annotated[int, _whole(0, 10_000), "Reject more directives per operation."] = 50
    max_root_fields: Annotated[int, _whole(1, 10_000), "Reject more root fields."] = 20
    max_cost: Annotated[int, _whole(1, 10_000_000), "Reject operations of a higher cost."] = 20_000
    max_batch_size: Annotated[
        int, _whole(0, 100), "Allow this many operations in one request; 0 disables batching."
    ] = 0
    max_subscriptions_per_connection: Annotated[
        int, _whole(1, 10_000), "Allow this many operations at once on one WebSocket."
    ] = 100
    max_connections_per_user: Annotated[
        int, _whole(1, 1_000_000), "Allow this many WebSockets and event streams per user."
    ] = 100
    max_waiting_connections: Annotated[
        int, _whole(1, 1_000_000), "Allow this many WebSockets before connection_init."
    ] = 1_000
    max_operations_under_way_per_client: Annotated[
        int, _whole(1, 1_000_000), "Execute this many operations per user at once."
    ] = 50
    max_frames_per_second_per_connection: Annotated[
        int, _whole(0, 1_000_000), "Allow a WebSocket this many frames a second; 0: no limit."
    ] = 100
    max_operations_per_second_per_user: Annotated[
        int, _whole(0, 1_000_000), "Allow a user this many operations a second; 0: no limit."
    ] = 100
    max_operations_per_second_per_address: Annotated[
        int, _whole(0, 1_000_000), "Allow an address this many operations a second; 0: no limit."
    ] = 1_000

    log_level: Annotated[
        str,
        _one_of("LEVEL", "critical", "error", "warning", "info", "debug"),
        "Log messages of this level and above.",
    ] = "info"
    log_format: Annotated[
        str, _one_of("FORMAT", "text", "json"), "Write the log as text, or as JSON lines."
    ] = "text"
    metrics_host: Annotated[str, _HOST, "Serve metrics on this address."] = "127.0.0.1"
    metrics_port: Annotated[
        int | None, _whole(0, 65_535), "Serve metrics on this port, if set; 0 picks a free one."
    ] = None
    drain_seconds: Annotated[
        float, _seconds(0, 300), "Keep serving this long after SIGTERM, but fail readiness."
    ] = 0.0

    @property
    def serves_board(self) -> bool:
        """True if the live board is at /: by default if no tokens are verified."""
        keys = (self.jwt_secret, self.jwt_key_file, self.jwt_jwks_url)
        return not any(keys) if self.board is None else self.board

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read variables; an empty one counts as unset. *Raises*: `SettingsError`."""
        given = {each: environment.get(each.variable, "").strip() for each in SETTINGS}
        return cls(**{each.name: each.read(text) for each, text in given.items() if text})


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as the command line and the documentation show it."""

    name: str
    variable: str
    option: str
    default: str
    group: str
    kind: _Kind
    help: str

    def read(self, text: str) -> Any:  # noqa: ANN401 - of the field's type
        """Convert and check a value. *Raises*: `SettingsError`."""
        with suppress(ValueError, OSError, RuntimeError):
            value = self.kind.convert(text)
            if self.kind.is_valid(value):
                return value
        shown = "" if self.kind.may_hold_password else f": {text!r}"
        raise SettingsError(f"{self.variable} must be {self.kind.must_be}{shown}.")


# Each group begins with this setting and ends before the next.
_GROUPS: Final = {
    "host": "Network",
    "mongodb_uri": "Database",
    "default_capacity": "Teams",
    "jwt_secret": "Sign-in",
    "introspection": "Documents",
    "max_body_bytes": "Limits",
    "log_level": "Operations",
}


def _list_settings() -> Iterator[Setting]:
    group = ""
    for each in fields(Settings):
        name, (_, kind, sentence) = each.name, get_args(each.type)
        group = _GROUPS.get(name, group)
        option = f"--{name.replace('mongodb_database', 'database').replace('_', '-')}"
        default = "" if each.default in (None, ()) else kind.show(each.default)
        yield Setting(name, name.upper(), option, default, group, kind, sentence)


SETTINGS: Final = tuple(_list_settings())
