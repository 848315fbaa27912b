"""The command line: help in groups, and messages that name options as they were typed."""

import io
import re
import sys
from contextlib import suppress
from itertools import islice

import click
import pytest
from click.testing import CliRunner

from app.config import SETTINGS
from app.doctor.cli.text import counted, report_lines
from app.doctor.examine import Report
from app.doctor.progress import progress
from app.doctor.rules.memberships import Keep
from app.main import main
from tests.lab.race.run import main as race


@pytest.mark.parametrize("command", [(), ("serve",), ("doctor",), ("schema",)])
def test_help_is_of_whole_sentences_with_an_example_and_fits_the_terminal(
    command: tuple[str, ...],
) -> None:
    shown = CliRunner().invoke(main, [*command, "--help"], terminal_width=80).output

    assert "Example: team-joiner " in shown
    assert "\n  [FILE]" not in shown
    assert "..." not in shown.replace("[ARGS]...", "")
    assert max(map(len, shown.splitlines())) <= 80


def test_every_option_of_serve_stands_in_one_group() -> None:
    shown = CliRunner().invoke(main, ["serve", "--help"]).output

    sections = [line for line in shown.splitlines() if line.endswith(":") and line[0] != " "]
    groups = dict.fromkeys(f"{setting.group}:" for setting in SETTINGS)
    assert sections == ["Options:", *groups]
    assert len(groups) == 7
    assert shown.index("Limits:") < shown.index("--max-depth") < shown.index("Operations:")
    assert " ".join(shown.split()).count("[environment: ") == len(SETTINGS)
    assert "[environment: MAX_DEPTH; default: 15; accepted: 1 to 100]" in " ".join(shown.split())
    assert "[environment: JWT_SECRET]" in " ".join(shown.split())


@pytest.mark.parametrize("command", [*main.commands.values(), race], ids=lambda each: each.name)
def test_the_help_of_every_option_is_of_whole_sentences(command: click.Command) -> None:
    helps = [each.help or "" for each in command.params if isinstance(each, click.Option)]

    assert helps
    for text in helps:
        assert re.match(r"[A-Z][a-z]+ .*[.\]]$", text), text
        assert not re.match(r"(The|An?|How|What|Whether|Where) ", text), text
        assert "if not given" not in text


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--max-depth", "0"), {}, "--max-depth must be"),
        ((), {"MAX_DEPTH": "0"}, "MAX_DEPTH must be"),
        (("--database", "a b"), {}, "--database must be"),
        (("--port", "PORT"), {}, "--port must be"),
        (("--jwt-secret", "x" * 40, "--jwt-jwks-url", "https://a"), {}, "--jwt-secret, --jwt-jwks"),
        (("--jwt-secret", "x" * 40), {"JWT_JWKS_URL": "https://a"}, "--jwt-secret, JWT_JWKS_URL"),
        (("--only-trusted-documents", "on"), {}, "--only-trusted-documents must be off"),
    ],
)
def test_a_refused_setting_is_called_as_it_was_given(
    arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    ended = CliRunner().invoke(main, ["serve", *arguments], env=environment)

    assert ended.exit_code == 2
    assert said in ended.output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_is_full_only_when_its_step_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with suppress(click.Abort), progress("Reading the teams", 22) as bar:
        bar.update(11)
        raise click.Abort

    assert "11/22" in terminal.getvalue()
    assert "22/22" not in terminal.getvalue()


@pytest.mark.parametrize(("count", "said"), [(0, "0 users"), (1, "1 user"), (1_200, "1,200 users")])
def test_a_noun_is_in_the_singular_after_one(count: int, said: str) -> None:
    assert counted(count, "user") == said


def test_the_report_on_one_document_is_in_the_singular() -> None:
    report = Report(1, 1, {}, {}, (), 0, (), Keep.FIRST_JOINED)

    first, second = islice(report_lines(report, "teams"), 2)

    assert (first, second) == (
        "Examined 1 document in teams.teams.",
        "1 of them needs a repair:",
    )
