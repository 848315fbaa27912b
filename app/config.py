"""Settings: every one has a name in the environment, limits, and a default; read once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from app import setting_values as values
from app.domain.teams import MAX_CAPACITY

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
    "log_level": (
        "LEVEL",
        "The least level that the log shows: critical, error, warning, info or debug; info if not "
        "given.",
    ),
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
    "jwt_secret": ("TEXT", "The secret of HS256 tokens, 32 bytes or more."),
    "jwt_key_file": ("FILE", "A PEM file with the public key of RS256 or ES256 tokens."),
    "jwt_jwks_url": ("URL", "Where the public keys of RS256 and ES256 tokens are (a JWKS)."),
    "jwt_issuer": ("TEXT", "The `iss` that tokens must have."),
    "jwt_audience": ("TEXT", "The `aud` that tokens must have."),
    "jwt_admin_claim": (
        "NAME",
        "The claim that makes an admin, a.b for one inside; role if not given.",
    ),
    "jwt_admin_value": (
        "TEXT",
        "What that claim must be, or hold among others; admin if not given.",
    ),
    "jwt_leeway_seconds": ("NUMBER", "How far clocks may differ, 0 to 300; 10 if not given."),
    "everyone_may_create_teams": (
        "ON/OFF",
        "Whether all signed-in users may create teams, and change those; off if not given.",
    ),
    "allowed_origins": (
        "ORIGINS",
        "The origins whose pages may use the service, with commas; only its own if not given.",
    ),
    "max_body_bytes": ("NUMBER", "The largest request body; 1000000 if not given."),
    "arrival_timeout_seconds": (
        "SECONDS",
        "The time within which a request must have arrived, 0.1 to 60; 10 if not given.",
    ),
    "max_document_length": ("NUMBER", "The most characters of a document; 100000 if not given."),
    "max_tokens": ("NUMBER", "The most tokens of a document; 2000 if not given."),
    "max_depth": ("NUMBER", "How deep fields may be nested, 1 to 100; 15 if not given."),
    "max_aliases": ("NUMBER", "The most aliases of an operation; 30 if not given."),
    "max_directives": ("NUMBER", "The most directives of an operation; 50 if not given."),
    "max_root_fields": ("NUMBER", "The most fields at an operation's root; 20 if not given."),
    "max_cost": ("NUMBER", "The most values that an answer may come to hold; 20000 if not given."),
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
    "max_frames_per_second_per_connection": (
        "NUMBER",
        "The most frames a WebSocket may send (messages, pings), ten seconds' worth at once; "
        "100 if not given, 0 for no limit.",
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
    "log_format": (
        "FORMAT",
        "The form of the log: text, or json with a line for each operation; text if not given.",
    ),
    "metrics_host": ("ADDRESS", "The address for metrics; 127.0.0.1 if not given."),
    "metrics_port": ("NUMBER", "The port for metrics, 0 for any free one; none if not given."),
    "drain_seconds": (
        "SECONDS",
        "How long a server that is told to end goes on serving, not ready, before it does, 0 to "
        "300; 0 if not given.",
    ),
    "max_operations_per_second_per_user": (
        "NUMBER",
        "The most operations of one user in each process, ten seconds' worth at once; 100 if not "
        "given, 0 for no limit.",
    ),
    "max_operations_per_second_per_address": (
        "NUMBER",
        "The most operations of one address in each process, whoever signs in there; 1000 if not "
        "given, 0 for no limit.",
    ),
    "trusted_proxies": (
        "ADDRESSES",
        "The proxies whose X-Forwarded-For is believed, with commas: addresses or networks; none "
        "if not given.",
    ),
}


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
    jwt_secret: str | None = field(default=None, repr=False)
    jwt_key_file: Path | None = None
    jwt_jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_admin_claim: str = "role"
    jwt_admin_value: str = "admin"
    jwt_leeway_seconds: int = 10
    everyone_may_create_teams: bool = False
    allowed_origins: tuple[str, ...] = ()
    arrival_timeout_seconds: float = 10.0
    max_document_length: int = 100_000
    max_tokens: int = 2_000
    max_depth: int = 15
    max_aliases: int = 30
    max_directives: int = 50
    max_root_fields: int = 20
    max_cost: int = 20_000
    max_batch_size: int = 0
    max_subscriptions_per_connection: int = 100
    max_connections_per_user: int = 100
    max_waiting_connections: int = 1_000
    max_frames_per_second_per_connection: int = 100
    introspection: bool = True
    graphiql: bool = True
    trusted_documents: Path | None = None
    only_trusted_documents: bool = False
    max_persisted_queries: int = 1_000
    log_format: str = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    drain_seconds: float = 0.0
    max_operations_per_second_per_user: int = 100
    max_operations_per_second_per_address: int = 1_000
    trusted_proxies: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that an environment gives. *Raises*: `SettingsError`.

        A variable that is set to nothing counts as not set.
        """
        given: dict[str, Any] = {}
        for each in fields(cls):
            name = each.name.upper()
            if text := environment.get(name, "").strip():
                given[each.name] = _PARSERS[each.name](name, text)
        return cls(**given)


_PARSERS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "host": values.host,
    "port": values.whole_number(0, 65_535),
    "workers": values.whole_number(1, 64),
    "mongodb_uri": values.mongodb_uri,
    "mongodb_database": values.database,
    "data_dir": values.folder,
    "log_level": values.log_level,
    "default_capacity": values.whole_number(1, MAX_CAPACITY),
    "request_timeout_seconds": values.number_of_seconds(0.1, 60),
    "request_memory_hours": values.whole_number(1, 24 * 365),
    "max_body_bytes": values.whole_number(1_000, 100_000_000),
    "jwt_secret": values.text,
    "jwt_key_file": values.existing,
    "jwt_jwks_url": values.key_set_url,
    "jwt_issuer": values.text,
    "jwt_audience": values.text,
    "jwt_admin_claim": values.text,
    "jwt_admin_value": values.text,
    "jwt_leeway_seconds": values.whole_number(0, 300),
    "everyone_may_create_teams": values.switch,
    "allowed_origins": values.origins,
    "arrival_timeout_seconds": values.number_of_seconds(0.1, 60),
    "max_document_length": values.whole_number(100, 10_000_000),
    "max_tokens": values.whole_number(1, 100_000),
    "max_depth": values.whole_number(1, 100),
    "max_aliases": values.whole_number(0, 10_000),
    "max_directives": values.whole_number(0, 10_000),
    "max_root_fields": values.whole_number(1, 10_000),
    "max_cost": values.whole_number(1, 10_000_000),
    "max_batch_size": values.whole_number(0, 100),
    "max_subscriptions_per_connection": values.whole_number(1, 10_000),
    "max_connections_per_user": values.whole_number(1, 1_000_000),
    "max_waiting_connections": values.whole_number(1, 1_000_000),
    "max_frames_per_second_per_connection": values.whole_number(0, 1_000_000),
    "introspection": values.switch,
    "graphiql": values.switch,
    "trusted_documents": values.existing,
    "only_trusted_documents": values.switch,
    "max_persisted_queries": values.whole_number(0, 100_000),
    "log_format": values.log_format,
    "metrics_host": values.host,
    "metrics_port": values.whole_number(0, 65_535),
    "drain_seconds": values.number_of_seconds(0, 300),
    "max_operations_per_second_per_user": values.whole_number(0, 1_000_000),
    "max_operations_per_second_per_address": values.whole_number(0, 1_000_000),
    "trusted_proxies": values.networks,
}
