"""How the command line speaks of settings: in groups in `--help`, by their options in messages."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import click

# The groups in which `--help` shows the settings; all others are limits.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Network": (
        *("host", "port", "workers", "allowed_origins", "trusted_proxies", "graphiql"),
        *("request_timeout_seconds", "arrival_timeout_seconds"),
    ),
    "Database": ("mongodb_uri", "mongodb_database", "data_dir"),
    "Teams": ("default_capacity", "everyone_may_create_teams", "request_memory_hours"),
    "Sign-in": (
        *("jwt_secret", "jwt_key_file", "jwt_jwks_url", "jwt_issuer", "jwt_audience"),
        *("jwt_admin_claim", "jwt_admin_value", "jwt_leeway_seconds"),
    ),
    "Documents": (
        *("introspection", "trusted_documents", "only_trusted_documents"),
        "max_persisted_queries",
    ),
    "Limits": (),
    "Operations": ("log_level", "log_format", "metrics_host", "metrics_port", "drain_seconds"),
}


def option_of(variable: str) -> str:
    """The option of the setting with this variable."""
    return (
        "--database"
        if variable == "MONGODB_DATABASE"
        else f"--{variable.lower()}".replace("_", "-")
    )


def default_as_typed(default: object) -> str:
    """A setting's default as it would be typed; "" where there is none."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default in (None, ()) else str(default)


def as_typed(message: str, given: Collection[str]) -> str:
    """A message that calls those settings by their options which were given as options."""
    return re.sub(
        r"(?<![\w-])[A-Z][A-Z_]+(?![\w])",
        lambda found: option_of(found[0]) if found[0] in given else found[0],
        message,
    )


class GroupedCommand(click.Command):
    """A command whose help shows its settings in `GROUPS`, after its options of other kinds."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a section for each group."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Options", *GROUPS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                sections[_group_of(parameter.name or "")].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def _group_of(name: str) -> str:
    if not name.isupper():
        return "Options"
    return next((group for group, names in GROUPS.items() if name.lower() in names), "Limits")
