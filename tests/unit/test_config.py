from dataclasses import fields
from pathlib import Path

import pytest

from app.config import SETTINGS, Settings, SettingsError


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("HOST", "0.0.0.0", "0.0.0.0"),
        ("HOST", "::1", "::1"),
        ("HOST", "localhost", "localhost"),
        ("PORT", "0", 0),
        ("PORT", "65535", 65_535),
        ("WORKERS", "64", 64),
        ("MONGODB_URI", "mongodb://a,b/?replicaSet=rs", "mongodb://a,b/?replicaSet=rs"),
        ("MONGODB_URI", "mongodb+srv://cluster.example", "mongodb+srv://cluster.example"),
        ("MONGODB_DATABASE", "teams", "teams"),
        ("DATA_DIR", "/var/lib/teams", Path("/var/lib/teams")),
        ("LOG_LEVEL", "DEBUG", "debug"),
        ("DEFAULT_CAPACITY", "10000", 10_000),
        ("REQUEST_TIMEOUT_SECONDS", "0.5", 0.5),
        ("MAX_BODY_BYTES", "1000", 1_000),
        ("LOG_FORMAT", "JSON", "json"),
        ("METRICS_PORT", "0", 0),
        ("DRAIN_SECONDS", "0", 0),
        ("DRAIN_SECONDS", "300", 300),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
        ("ARRIVAL_TIMEOUT_SECONDS", "0.5", 0.5),
        ("MAX_BATCH_SIZE", "0", 0),
        ("INTROSPECTION", "OFF", False),
        ("ONLY_TRUSTED_DOCUMENTS", "on", True),
        ("TRUSTED_DOCUMENTS", __file__, Path(__file__)),
    ],
)
def test_a_setting_is_read_from_the_variable_of_its_name(
    variable: str, text: str, expected: object
) -> None:
    settings = Settings.read({variable: f" {text} "})

    assert getattr(settings, variable.lower()) == expected


def test_every_setting_has_a_default() -> None:
    assert Settings.read({}) == Settings()
    assert Settings().mongodb_uri is None


def test_every_default_is_a_value_that_its_setting_accepts() -> None:
    written = {each.variable: each.default for each in SETTINGS}

    assert Settings.read(written) == Settings()


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
@pytest.mark.parametrize("text", ["", "  "])
def test_a_variable_that_is_set_to_nothing_counts_as_not_set(name: str, text: str) -> None:
    assert Settings.read({name.upper(): text}) == Settings()


def test_a_folder_in_the_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Settings.read({"DATA_DIR": "~/teams"}).data_dir == tmp_path / "teams"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *(("HOST", text) for text in ("example.com", "300.1.1.1", "127.0.0.1:80", "$", "::1]")),
        *(("PORT", text) for text in ("-1", "65536", "80a", "8_0", "1.0", "٣", "²", "9" * 5_000)),
        *(("WORKERS", text) for text in ("0", "65", "two")),
        *(("MONGODB_URI", text) for text in ("localhost", "http://a", "MONGODB", "mongodb:/a")),
        *(("MONGODB_DATABASE", f"a{character}b") for character in '/\\. "$*<>:|?\0'),
        *(("MONGODB_DATABASE", text) for text in ("x" * 64, "é" * 32, "a\udcffb")),
        *(("LOG_FORMAT", text) for text in ("xml", "js on")),
        *(("METRICS_HOST", text) for text in ("example.com", "*")),
        *(("DRAIN_SECONDS", text) for text in ("-1", "301", "soon")),
        *(("TRUSTED_PROXIES", text) for text in ("*", "proxy", "10.0.0.1/8", "10.0.0.1,")),
        *(("LOG_LEVEL", text) for text in ("loud", "trace", "10")),
        *(("DEFAULT_CAPACITY", text) for text in ("0", "10001", "-5")),
        *(("REQUEST_TIMEOUT_SECONDS", text) for text in ("0", "61", "nan", "inf", "-1", "x")),
        *(("MAX_DEPTH", text) for text in ("0", "101", "deep")),
        *(
            ("JWT_JWKS_URL", text)
            for text in (
                *("id.example.com", "http://id.example.com", "https://", "https://[x/keys"),
                "https://sue:pa/ss@id.example.com/keys",
            )
        ),
        *(("ALLOWED_ORIGINS", text) for text in ("http://[", "example.com", "https://a/b")),
        *(("GRAPHIQL", text) for text in ("true", "1", "no")),
        *(("TRUSTED_DOCUMENTS", text) for text in (f"{__file__}-not", "a\0b", "~nobody-here/x")),
        *(("MAX_BODY_BYTES", text) for text in ("999", "100000001", "1MB")),
        *(("DATA_DIR", text) for text in (__file__, "~nobody-of-that-name/teams", "x" * 300)),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_variable(
    variable: str, text: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({variable: text})

    sentence = str(refusal.value)
    assert sentence.startswith(f"{variable} must ")
    assert sentence.endswith(".")


def test_an_invalid_connection_string_is_not_shown() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({"MONGODB_URI": "mongo://sue:secret@host"})

    assert "secret" not in str(refusal.value)


def test_a_refused_url_of_keys_is_not_shown_since_it_may_hold_a_password() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read({"JWT_JWKS_URL": "http://sue:secret@id.example.com/keys?key=secret"})

    assert "secret" not in str(refusal.value)
