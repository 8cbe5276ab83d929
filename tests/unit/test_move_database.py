"""What keeps a move from being begun, told in one line that names no password."""

from pathlib import Path

import pytest

from calldron import places
from calldron.config import Config
from calldron.move_database import move
from calldron.places import AlreadyRunning
from calldron.store.moving import MoveRefused

pytestmark = pytest.mark.django_db


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    """Of a folder with a database in it; which one it is, is not looked at before the target is."""
    (tmp_path / "calldron.sqlite3").touch()
    return Config(home=tmp_path)


def refusal(settings: Config, url: str) -> str:
    with pytest.raises(MoveRefused) as refused:
        move(settings, url, print)
    words = str(refused.value)
    assert "s3cret" not in words
    assert "\n" not in words
    return words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "Say where to"),
        ("mysql://user:s3cret@host/calls", "Of the target: "),
    ],
)
def test_a_target_that_can_t_be_used(settings: Config, url: str, words: str) -> None:
    assert words in refusal(settings, url)


def test_an_installation_that_has_moved_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:s3cret@host/calls")
    assert "unset DATABASE_URL" in refusal(Config(home=tmp_path), "postgres://user:s3cret@host/other")


def test_a_folder_without_a_database(tmp_path: Path) -> None:
    assert "nothing is to be moved" in refusal(Config(home=tmp_path), "postgres://user:s3cret@host/calls")


def test_while_somebody_works_there_it_is_refused(settings: Config) -> None:
    for working, words in (
        (places.only_dialer_of(settings.home), "dialer"),
        (places.web_of(settings), "web server"),
    ):
        with working, pytest.raises(AlreadyRunning, match=words):
            move(settings, "postgres://user:s3cret@host/calls", print)


def test_web_servers_share_a_file_and_none_starts_while_it_is_moved(settings: Config) -> None:
    with places.web_of(settings), places.web_of(settings):
        pass
    with (
        places.nobody_of(settings.home),
        pytest.raises(AlreadyRunning, match="is being moved"),
        places.web_of(settings),
    ):
        pass
