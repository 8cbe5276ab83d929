"""Settings that can't be used are refused by name, in one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from calldron.cli import main
from calldron.config import Config, config


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


def _is_told(words: str) -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert words in result.output
