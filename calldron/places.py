"""Who works in a home folder: locks that the kernel drops when their holder dies, and the folders that go with them."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TextIO

import structlog

from calldron.config import Config
from calldron.domain.errors import CalldronError

log = structlog.get_logger(__name__)


class AlreadyRunning(CalldronError):
    """Another process works on this folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dialer works. ``tracks``: a folder that is its alone, and has in it what dead ones left. ``dead``: nodes
    that had places of which the locks are ours: they can't dial any more."""

    tracks: Path
    dead: tuple[str, ...] = ()


@contextmanager
def place_to_dial(settings: Config, node: str) -> Iterator[Place]:
    """A place for this node. One dialer works on an SQLite file, any number on a PostgreSQL, each in the first place
    that is free. Raises ``AlreadyRunning``."""
    home = settings.home
    if not settings.database_url:
        with only_dialer_of(home):
            yield Place(settings.tracks)
        return
    with ExitStack() as held:
        for number in count(1):
            with suppress(AlreadyRunning):
                lock = held.enter_context(_locked(home / f"dialer-{number}.lock", fcntl.LOCK_EX, ""))
                break
        tracks = home / f"tracks-{number}"
        dead = (_known(lock), *_adopt(home, tracks))
        _write(lock, node)
        yield Place(tracks, tuple(filter(None, dead)))


def _adopt(home: Path, own: Path) -> Iterator[str]:
    """Take over places where nobody dials, and say whose they were: fewer dialers may have come again than died, or the
    last one worked on SQLite."""
    for tracks in (home / "tracks", *home.glob("tracks-*")):
        if tracks == own or not tracks.is_dir():
            continue
        name = tracks.name.replace("tracks", "dialer", 1)
        with suppress(AlreadyRunning), _locked(home / f"{name}.lock", fcntl.LOCK_EX, "") as lock:
            for left in tracks.iterdir():
                own.mkdir(parents=True, exist_ok=True)
                left.rename(own / left.name)
                log.info("tracks of a dialer that did not come again are ours now", tracks=str(left))
            yield _known(lock)


def _known(lock: TextIO) -> str:
    """The node that holds or held a place, as it wrote it there."""
    lock.seek(0)
    return lock.read().strip()


def _write(lock: TextIO, node: str) -> None:
    lock.truncate(0)
    lock.write(node)
    lock.flush()


@contextmanager
def only_dialer_of(home: Path) -> Iterator[None]:
    """Hold the lock that keeps a second dialer from the same SQLite file; the kernel drops it when we die."""
    with _locked(home / "dialer.lock", fcntl.LOCK_EX, f"Another dialer is running on {home}; stop it first."):
        yield


@contextmanager
def web_of(settings: Config) -> Iterator[None]:
    """Say for as long as we run that the SQLite file is served; any number of web servers may. Raises
    ``AlreadyRunning`` where it is being moved."""
    if settings.database_url:
        yield
        return
    with _locked(settings.home / "web.lock", fcntl.LOCK_SH, f"The database in {settings.home} is being moved."):
        yield


@contextmanager
def nobody_of(home: Path) -> Iterator[None]:
    """Keep dialers and web servers away from the SQLite file. Raises ``AlreadyRunning``."""
    served = f"A web server is running on {home}; stop it first."
    with only_dialer_of(home), _locked(home / "web.lock", fcntl.LOCK_EX, served):
        yield


@contextmanager
def _locked(file: Path, kind: int, taken: str) -> Iterator[TextIO]:
    """Hold a lock that the kernel drops when we die; its file. Raises ``AlreadyRunning`` with those words."""
    with file.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(taken) from None
        yield lock
