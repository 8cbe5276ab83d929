"""Settings that can't be used are refused by name, in one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from calldron.cli import main
from calldron.config import Config, config
from calldron.store.databases import place_of, settings_of


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLDRON_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("calldron.bootstrap.config", config.__wrapped__)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLDRON_SIP_PORT", "65536"),
        ("CALLDRON_SANDBOX_PORT", "0"),
        ("CALLDRON_MAX_CALLS", "0"),
        ("CALLDRON_MAX_BODY_MB", "0"),
        ("CALLDRON_LEASE_SECONDS", "0"),
        ("CALLDRON_DRAIN_SECONDS", "inf"),
        ("CALLDRON_API_RATE", "nan"),
        ("CALLDRON_LOG_LEVEL", "LOUD"),
        ("CALLDRON_PUBLIC_URL", "calls.example.com"),
        ("CALLDRON_SECRET_KEY", "too short to be a key"),
    ],
)
def test_what_no_part_could_work_with_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("CALLDRON_").lower()):
        Config()


def test_the_level_of_the_log_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLDRON_LOG_LEVEL", "debug")
    assert Config().log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CALLDRON_LOG_LEVEL", "LOUD", "setting log_level: "),
        ("CALLDRON_ALLOWED_HOSTS", "calls.example.com", "allowed_hosts"),
    ],
)
def test_a_command_tells_a_wrong_setting_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    _is_told(words)


@pytest.mark.parametrize(("written", "words"), [("home = ", "calldron.toml: "), ('hom = "x"', "setting hom: ")])
def test_a_command_tells_a_wrong_file_in_one_line(written: str, words: str) -> None:
    Path("calldron.toml").write_text(written)
    _is_told(words)


# ---------------------------------------------------------------- the database


def test_without_a_url_it_is_sqlite_at_home() -> None:
    assert settings_of("", Path("there"))["NAME"] == Path("there/calldron.sqlite3")
    assert place_of("", Path("there")) == "SQLite, there/calldron.sqlite3"


def test_a_url_is_read_as_libpq_reads_it() -> None:
    read = settings_of("postgres://u:p%40ss@db.example:6432/calls?sslmode=require&connect_timeout=9", Path())
    assert [read[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "u", "p@ss", "db.example", "6432", "calls",
    ]  # fmt: skip
    assert (read["OPTIONS"]["sslmode"], read["OPTIONS"]["connect_timeout"]) == ("require", "9")
    assert settings_of("postgresql:///calls?host=/run/postgresql", Path())["HOST"] == "/run/postgresql"
    assert "search_path=x" in settings_of("postgres://h/d?options=-csearch_path%3Dx", Path())["OPTIONS"]["options"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:s3cret@host/calls",
        "user:s3cret@host/calls",
        "postgres://user:s3cret@host",
        "postgres://user:s3cret@host/",
        "postgres://user:s3cret@host/calls?nonsense=1",
        "postgres://user:s3cret@host:s3cret/calls",
        "postgres://user:s3cret/s3cret@host/calls",
        "postgres://user:s3cret%0@host/calls",
        "postgres://user:s3cret@[::1/calls",
    ],
)
def test_a_wrong_url_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert "s3cret" not in _is_told("setting DATABASE_URL: ")
    with pytest.raises(ValidationError) as caught:
        Config()
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:s3cret@host/calls")
    monkeypatch.setenv("CALLDRON_SECRET_KEY", "s3cret" * 8)
    assert "s3cret" not in repr(Config())
    assert place_of(Config().database_url, Path()) == "PostgreSQL, calls on host"


def test_recordings_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLDRON_RECORDINGS", "")
    assert Config().recordings == Config().home / "recordings"
    monkeypatch.setenv("CALLDRON_RECORDINGS", "/srv/recordings")
    assert Config().recordings == Path("/srv/recordings")


def _is_told(words: str) -> str:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert words in result.output
    return result.output
