"""The values that settings can have: each function reads one kind, or says what it must be."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

LOG_LEVELS: Final = ("critical", "error", "warning", "info", "debug")
LOG_FORMATS: Final = ("text", "json")


class SettingsError(Exception):
    """A setting that can't be used; the message is a sentence for the operator."""


def whole_number(least: int, most: int) -> Callable[[str, str], int]:
    """The parser of a whole number within limits."""

    def parse(name: str, text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not is_number or not least <= int(text) <= most:
            raise SettingsError(f"{name} must be a whole number from {least} to {most}: {text!r}.")
        return int(text)

    return parse


def number_of_seconds(least: float, most: float) -> Callable[[str, str], float]:
    """The parser of a number of seconds within limits."""

    def parse(name: str, text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1
        if not least <= seconds <= most:
            raise SettingsError(
                f"{name} must be a number of seconds from {least:g} to {most:g}: {text!r}."
            )
        return seconds

    return parse


def switch(name: str, text: str) -> bool:
    """On or off."""
    if text.lower() not in {"on", "off"}:
        raise SettingsError(f"{name} must be on or off: {text!r}.")
    return text.lower() == "on"


def host(name: str, text: str) -> str:
    """An address of this machine."""
    if text == "localhost" or _is_address(text):
        return text
    raise SettingsError(f"{name} must be an IP address of this machine, or localhost: {text!r}.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def networks(name: str, text: str) -> tuple[str, ...]:
    """IP addresses or networks, with commas."""
    found = tuple(part.strip() for part in text.split(","))
    for network in found:
        try:
            ip_network(network)
        except ValueError as error:
            raise SettingsError(
                f"{name} must be IP addresses or networks, with commas between them: {text!r}."
            ) from error
    return found


def log_format(name: str, text: str) -> str:
    """The form of the log."""
    if text.lower() not in LOG_FORMATS:
        raise SettingsError(f"{name} must be one of {', '.join(LOG_FORMATS)}: {text!r}.")
    return text.lower()


def log_level(name: str, text: str) -> str:
    """The name of a level."""
    if text.lower() not in LOG_LEVELS:
        raise SettingsError(f"{name} must be one of {', '.join(LOG_LEVELS)}: {text!r}.")
    return text.lower()


def mongodb_uri(name: str, text: str) -> str:
    """A connection string."""
    # What follows the scheme is the driver's to judge; it may hold a password, so it is not shown.
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError(f"{name} must begin with mongodb:// or mongodb+srv://.")
    return text


# The printable characters that MongoDB refuses in the name of a database, on any platform.
_NOT_IN_NAMES: Final = '/\\. "$*<>:|?'


def database(name: str, text: str) -> str:
    """The name of a database."""
    if not text.isprintable() or len(text.encode()) > 63 or any(c in text for c in _NOT_IN_NAMES):
        raise SettingsError(
            f"{name} must be at most 63 bytes without any of {_NOT_IN_NAMES} : {text!r}."
        )
    return text


def folder(name: str, text: str) -> Path:
    """A folder, which need not be there."""
    try:
        folder = Path(text).expanduser()
        is_taken = folder.exists() and not folder.is_dir()
    except (OSError, RuntimeError) as error:  # a path too long, or the home of nobody
        raise SettingsError(f"{name} must be a folder that can be used: {text!r}.") from error
    if is_taken:
        raise SettingsError(f"{name} must be a folder, but {folder} is something else.")
    return folder


def existing(name: str, text: str) -> Path:
    """A file or a folder that is there."""
    try:
        path = Path(text).expanduser()
        is_there = path.exists()
    except (OSError, RuntimeError, ValueError):
        is_there = False
    if not is_there:
        raise SettingsError(f"{name} must be a file or a folder that is there: {text!r}.")
    return path


def text(name: str, text: str) -> str:  # noqa: ARG001 - every reader gets the setting's name
    """Any text."""
    return text


def key_set_url(name: str, text: str) -> str:
    """Where keys are fetched: over TLS, unless it is this machine."""
    try:
        parts = urlsplit(text)
        is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket, or a port that is no number
        is_usable = is_local = False
    if not is_usable or not (text.startswith("https://") or is_local):
        # It may hold a password or a key, so it is not shown.
        raise SettingsError(f"{name} must be an https:// URL.")
    return text


def origins(name: str, text: str) -> tuple[str, ...]:
    """Origins as browsers write them, separated by commas."""
    found = tuple(origin.strip().rstrip("/") for origin in text.split(","))
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}":
            raise SettingsError(
                f"{name} must be origins such as https://app.example.com, with commas: {origin!r}."
            )
    return found
