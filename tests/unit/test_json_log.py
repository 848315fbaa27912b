import json
import logging
import sys
from typing import Any

from pymongo.errors import OperationFailure

from app.monitoring.json_log import JsonFormatter, names_no_client


def formatted(message: str, *given: object, exc_info: Any = None, **extra: Any) -> dict[str, Any]:
    """The line that a record becomes."""
    record = logging.LogRecord("some.logger", logging.WARNING, "x.py", 1, message, given, exc_info)
    record.__dict__.update(extra)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_record_becomes_one_line_with_time_level_logger_and_message() -> None:
    line = formatted("It took %d\nseconds.", 3)

    assert line["time"].endswith("+00:00")
    assert line == {
        "time": line["time"],
        "level": "warning",
        "logger": "some.logger",
        "message": "It took 3\nseconds.",
    }


def test_fields_stand_beside_the_message_and_uvicorns_colours_do_not() -> None:
    line = formatted("Done.", fields={"outcome": "success"}, color_message="\x1b[36mDone.")

    assert line["outcome"] == "success"
    assert "color_message" not in line


class WithText(Exception):
    code = "of sue"


def find(user_id: str) -> None:
    teams: dict[str, str] = {}
    try:
        teams.pop(user_id)
    except KeyError as cause:
        raise ValueError(f"secret of {user_id}") from cause


def test_exceptions_show_their_types_and_places_and_not_what_they_quote() -> None:
    try:
        find("sue@example.com")
    except ValueError:
        line = formatted("It failed.", exc_info=sys.exc_info())

    assert [each["type"] for each in line["exceptions"]] == [
        "builtins.ValueError",
        "builtins.KeyError",
    ]
    assert line["exceptions"][0]["at"][-1].endswith(" find")
    assert "sue" not in json.dumps(line)


def test_of_the_databases_exceptions_the_code_is_shown() -> None:
    error = OperationFailure("not authorized on teams of sue", code=13)

    line = formatted("It failed.", exc_info=(OperationFailure, error, None))

    assert [each["code"] for each in line["exceptions"]] == [13]
    assert "sue" not in json.dumps(line)


def test_what_else_has_a_code_shows_none() -> None:
    line = formatted("It failed.", exc_info=(WithText, WithText(), None))

    assert "code" not in line["exceptions"][0]


def test_log_lines_of_uvicorn_that_name_websocket_clients_are_dropped() -> None:
    about_a_client = logging.LogRecord(
        *("uvicorn.error", logging.INFO, "x.py", 1, '%s - "WebSocket %s" [accepted]'),
        ("203.0.113.7:4711", "/graphql?token=secret"),
        None,
    )
    about_itself = logging.LogRecord(
        "uvicorn.error", logging.INFO, "x.py", 1, "Shutting down", (), None
    )

    assert not names_no_client(about_a_client)
    assert names_no_client(about_itself)
