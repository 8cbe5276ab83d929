"""Where mail goes out, by its URL."""

import pytest
from pydantic import SecretStr, ValidationError

from calldron import smtp
from calldron.config import Config


def parts(url: str) -> tuple[object, ...]:
    found = smtp.settings_of(url)
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_SSL", "USE_TLS")
    return tuple(found[f"EMAIL_{name}"] for name in names)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp://me:s%40cret@mail.example.com", ("mail.example.com", 587, "me", "s@cret", False, True)),
        ("smtps://me%40b.c:x@mail.example.com", ("mail.example.com", 465, "me@b.c", "x", True, False)),
        ("smtps://me:x@mail.example.com:1465", ("mail.example.com", 1465, "me", "x", True, False)),
        ("smtp://127.0.0.1:25", ("127.0.0.1", 25, "", "", False, False)),
        ("smtp://[::1]:25", ("::1", 25, "", "", False, False)),
    ],
)
def test_a_url_says_it_all(url: str, meant: tuple[object, ...]) -> None:
    assert parts(url) == meant


def test_without_one_mail_is_in_the_log() -> None:
    assert smtp.settings_of("") == {"EMAIL_BACKEND": "calldron.services.mail.InTheLog"}


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@host", "smtp://", "smtp://me:s3cret@", "smtp://me:s3cret@h:99999", "x"]
)
def test_a_wrong_one_is_told_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLDRON_SMTP_URL", url)
    with pytest.raises(ValidationError) as caught:
        Config()
    assert "smtps://USER:PASSWORD@HOST:465" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_it_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLDRON_SMTP_URL", "smtps://me:s3cret@host")
    assert isinstance(Config().smtp_url, SecretStr)
    assert "s3cret" not in repr(Config())
