"""Places in a home folder: one dialer on SQLite, numbered ones on PostgreSQL, and what dead ones left."""

from pathlib import Path

import pytest

from calldron.config import Config
from calldron.places import AlreadyRunning, only_dialer_of, place_to_dial

NODE = "host:1:abc"


def settings(home: Path, url: str = "postgres://host/calls") -> Config:
    return Config(home=home, database_url=url)


def leave(tracks: Path, attempt: int) -> None:
    (tracks / str(attempt)).mkdir(parents=True)
    (tracks / str(attempt) / "client").write_bytes(b"sound")


def found(tracks: Path) -> set[str]:
    return {folder.name for folder in tracks.iterdir() if (folder / "client").read_bytes() == b"sound"}


def test_an_sqlite_file_has_one_dialer(tmp_path: Path) -> None:
    here = settings(tmp_path, "")
    with place_to_dial(here, NODE) as place:
        assert place.tracks == tmp_path / "tracks"
        with pytest.raises(AlreadyRunning, match="Another dialer"), place_to_dial(here, NODE):
            pass
    with place_to_dial(here, NODE):
        pass


def test_dialers_of_a_machine_have_a_folder_each(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with place_to_dial(here, NODE) as one:
        with place_to_dial(here, NODE) as two, place_to_dial(here, NODE) as three:
            assert len({one.tracks, two.tracks, three.tracks}) == 3
        with place_to_dial(here, NODE) as again:
            assert again.tracks == two.tracks


def test_who_comes_again_finds_what_it_left(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with place_to_dial(here, "first run") as place:
        assert place.dead == ()
        leave(place.tracks, 1)
    with place_to_dial(here, "second run") as place:
        assert found(place.tracks) == {"1"}
        assert place.dead == ("first run",)
    with place_to_dial(here, "third run") as place:
        assert place.dead == ("second run",)


def test_what_others_left_is_found_by_who_comes_and_the_living_keep_theirs(tmp_path: Path) -> None:
    here = settings(tmp_path)
    with (
        place_to_dial(here, "one") as one,
        place_to_dial(here, "two") as two,
        place_to_dial(here, "three") as three,
    ):
        for attempt, place in enumerate((one, two, three)):
            assert place.dead == ()
            leave(place.tracks, attempt)
    with place_to_dial(here, "four") as first:
        assert found(first.tracks) == {"0", "1", "2"}
        assert set(first.dead) == {"one", "two", "three"}
        leave(first.tracks, 3)
        with place_to_dial(here, "five") as second:
            assert found(first.tracks) == {"0", "1", "2", "3"}
            assert "four" not in second.dead


def test_what_was_left_on_sqlite_is_found_on_postgresql(tmp_path: Path) -> None:
    leave(tmp_path / "tracks", 7)
    with only_dialer_of(tmp_path), place_to_dial(settings(tmp_path), NODE) as place:
        assert not place.tracks.exists()
    with place_to_dial(settings(tmp_path), NODE) as place:
        assert found(place.tracks) == {"7"}
