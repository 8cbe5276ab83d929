"""Places in a home folder: one dialer on SQLite, numbered ones on PostgreSQL, and what dead ones left."""

from pathlib import Path

import pytest

from calldron.config import Config
from calldron.places import AlreadyRunning, only_dialer_of, place_to_dial


def settings(home: Path, url: str = "postgres://host/calls") -> Config:
    return Config(home=home, database_url=url)


def leave(tracks: Path, attempt: int) -> None:
    (tracks / str(attempt)).mkdir(parents=True)
    (tracks / str(attempt) / "client").write_bytes(b"sound")


def found(tracks: Path) -> set[str]:
    return {folder.name for folder in tracks.iterdir() if (folder / "client").read_bytes() == b"sound"}


def test_an_sqlite_file_has_one_dialer(tmp_path: Path) -> None:
    here = settings(tmp_path, "")
    with place_to_dial(here) as tracks:
        assert tracks == tmp_path / "tracks"
        with pytest.raises(AlreadyRunning, match="Another dialer"), place_to_dial(here):
            pass
    with place_to_dial(here):
        pass


def test_dialers_of_a_machine_have_a_folder_each(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with place_to_dial(here) as one:
        with place_to_dial(here) as two, place_to_dial(here) as three:
            assert len({one, two, three}) == 3
        with place_to_dial(here) as again:
            assert again == two


def test_who_comes_again_finds_what_it_left(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with place_to_dial(here) as tracks:
        leave(tracks, 1)
    with place_to_dial(here) as tracks:
        assert found(tracks) == {"1"}


def test_what_others_left_is_found_by_who_comes_and_the_living_keep_theirs(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with place_to_dial(here) as one, place_to_dial(here) as two, place_to_dial(here) as three:
        for attempt, tracks in enumerate((one, two, three)):
            leave(tracks, attempt)
    with place_to_dial(here) as first:
        assert found(first) == {"0", "1", "2"}
        leave(first, 3)
        with place_to_dial(here):
            assert found(first) == {"0", "1", "2", "3"}


def test_what_was_left_on_sqlite_is_found_on_postgresql(tmp_path: Path) -> None:
    leave(tmp_path / "tracks", 7)
    with only_dialer_of(tmp_path), place_to_dial(settings(tmp_path)) as tracks:
        assert not tracks.exists()
    with place_to_dial(settings(tmp_path)) as tracks:
        assert found(tracks) == {"7"}
