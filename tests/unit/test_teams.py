import pytest

from app.domain.teams import is_valid_name


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "x" * 100,
        "\N{BALLOON}" * 100,
        "The Red Team",
        "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}",
        "Zoë",
        "日本語",
        "नमस्ते",
        "$ne",
        "<script>",
        "'\"\\",
        "a\N{NO-BREAK SPACE}b",
    ],
)
def test_names_of_1_to_100_characters_are_valid(name: str) -> None:
    assert is_valid_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 101,
        "\N{BALLOON}" * 101,
        "a\0b",
        "a\nb",
        "a\tb",
        "a\rb",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\N{LINE SEPARATOR}b",
        "a\N{PARAGRAPH SEPARATOR}b",
        "a\ud800b",
        "\udfff",
    ],
)
def test_names_that_are_empty_long_or_hold_control_characters_are_not(name: str) -> None:
    assert not is_valid_name(name)


def test_trimming_is_the_services() -> None:
    assert is_valid_name(" x ")
