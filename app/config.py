"""Settings: every one has a name in the environment, limits, and a default; read once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from app import setting_values as values
from app.domain.teams import MAX_CAPACITY

# What the command line says of each setting: the option's value, and a sentence.
HELP: Final[Mapping[str, tuple[str, str]]] = {
    "host": ("ADDRESS", "Listen on this address."),
    "port": ("NUMBER", "Listen on this port; 0 takes any free one."),
    "workers": ("NUMBER", "Share the port among so many processes, 1 to 64."),
    "mongodb_uri": (
        "URI",
        "Use this MongoDB replica set. Without it, a MongoDB of its own is started.",
    ),
    "mongodb_database": ("NAME", "Keep the data in this database of MongoDB."),
    "data_dir": ("FOLDER", "Keep the data of a MongoDB of its own in this folder."),
    "log_level": (
        "LEVEL",
        "Log what is at least of this level: critical, error, warning, info or debug.",
    ),
    "default_capacity": (
        "NUMBER",
        "Let a team without a capacity of its own have so many members at most, 1 to 10000.",
    ),
    "request_timeout_seconds": ("SECONDS", "Answer every request within this time, 0.1 to 60."),
    "request_memory_hours": ("NUMBER", "Remember request ids for so long, 1 to 8760."),
    "jwt_secret": ("TEXT", "Verify HS256 tokens with this secret of 32 bytes or more."),
    "jwt_key_file": ("FILE", "Verify RS256 or ES256 tokens with the public key in this PEM file."),
    "jwt_jwks_url": ("URL", "Fetch the public keys of RS256 and ES256 tokens from here (a JWKS)."),
    "jwt_issuer": ("TEXT", "Accept only tokens with this `iss`."),
    "jwt_audience": ("TEXT", "Accept only tokens with this `aud`."),
    "jwt_admin_claim": (
        "NAME",
        "Look for admins in this claim of the token; a.b is one inside another.",
    ),
    "jwt_admin_value": (
        "TEXT",
        "Make an admin of users whose claim is this value, or holds it among others.",
    ),
    "jwt_leeway_seconds": ("NUMBER", "Let clocks differ by so much, 0 to 300."),
    "everyone_may_create_teams": (
        "ON/OFF",
        "Let all signed-in users create teams, and change those.",
    ),
    "allowed_origins": (
        "ORIGINS",
        "Let pages of these origins use the service too; put commas between them.",
    ),
    "max_body_bytes": ("NUMBER", "Refuse request bodies that are larger."),
    "arrival_timeout_seconds": (
        "SECONDS",
        "End a connection whose request has not arrived within this time, 0.1 to 60.",
    ),
    "max_document_length": ("NUMBER", "Refuse documents of more characters."),
    "max_tokens": ("NUMBER", "Refuse documents of more tokens."),
    "max_depth": ("NUMBER", "Refuse documents whose fields are nested more deeply, 1 to 100."),
    "max_aliases": ("NUMBER", "Refuse operations with more aliases."),
    "max_directives": ("NUMBER", "Refuse operations with more directives."),
    "max_root_fields": ("NUMBER", "Refuse operations with more fields at their root."),
    "max_cost": ("NUMBER", "Refuse operations whose answers may come to hold more values."),
    "max_batch_size": (
        "NUMBER",
        "Allow so many operations in one request, 0 to 100; 0 allows no batches.",
    ),
    "max_subscriptions_per_connection": (
        "NUMBER",
        "Allow so many operations at once on one WebSocket.",
    ),
    "max_connections_per_user": (
        "NUMBER",
        "Allow one user so many WebSockets and event streams in each process, or one address "
        "for those who have not signed in.",
    ),
    "max_waiting_connections": (
        "NUMBER",
        "Allow so many WebSockets in each process that have not said hello.",
    ),
    "max_operations_under_way_per_client": (
        "NUMBER",
        "Execute so many operations of one user at once in each process, or of one address for "
        "those who have not signed in.",
    ),
    "max_frames_per_second_per_connection": (
        "NUMBER",
        "Allow a WebSocket to send so many frames (messages, pings), ten seconds' worth at "
        "once; 0 sets no limit.",
    ),
    "introspection": ("ON/OFF", "Answer queries for the schema."),
    "graphiql": ("ON/OFF", "Give browsers a page."),
    "trusted_documents": ("PATH", "Read registered documents from this manifest or folder."),
    "only_trusted_documents": ("ON/OFF", "Answer registered documents only."),
    "max_persisted_queries": (
        "NUMBER",
        "Remember so many documents of clients by their hash (automatic persisted queries); 0 "
        "remembers none.",
    ),
    "log_format": (
        "FORMAT",
        "Write the log in this form: text, or json with a line for each operation.",
    ),
    "metrics_host": ("ADDRESS", "Serve metrics on this address."),
    "metrics_port": (
        "NUMBER",
        "Serve metrics on this port; 0 takes any free one. Without it there are none.",
    ),
    "drain_seconds": (
        "SECONDS",
        "Go on serving for so long, not ready, when told to end, 0 to 300.",
    ),
    "max_operations_per_second_per_user": (
        "NUMBER",
        "Allow one user so many operations in each process, ten seconds' worth at once; 0 "
        "sets no limit.",
    ),
    "max_operations_per_second_per_address": (
        "NUMBER",
        "Allow one address so many operations in each process, whoever signs in there, ten "
        "seconds' worth at once; 0 sets no limit.",
    ),
    "trusted_proxies": (
        "ADDRESSES",
        "Believe the X-Forwarded-For of these proxies, addresses or networks; put commas "
        "between them.",
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
    max_operations_under_way_per_client: int = 50
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
    "max_operations_under_way_per_client": values.whole_number(1, 1_000_000),
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
