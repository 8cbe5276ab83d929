"""Who works in a home folder: locks that the kernel drops when their holder dies, and the folders that go with them."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import structlog

from calldron.config import Config
from calldron.domain.errors import CalldronError

log = structlog.get_logger(__name__)


class AlreadyRunning(CalldronError):
    """Another process works on this folder."""


@contextmanager
def place_to_dial(settings: Config) -> Iterator[Path]:
    """A folder for tracks that is this dialer's alone, and has in it what dead ones left. One dialer works on an SQLite
    file, any number on a PostgreSQL, each in the first place that is free. Raises ``AlreadyRunning``."""
    home = settings.home
    if not settings.database_url:
        with only_dialer_of(home):
            yield settings.tracks
        return
    with ExitStack() as held:
        for place in count(1):
            with suppress(AlreadyRunning):
                held.enter_context(_locked(home / f"dialer-{place}.lock", fcntl.LOCK_EX, ""))
                break
        tracks = home / f"tracks-{place}"
        _adopt(home, tracks)
        yield tracks


def _adopt(home: Path, own: Path) -> None:
    """Take over tracks of places where nobody dials: fewer dialers may have come again than died, or the last one
    worked on SQLite."""
    for tracks in (home / "tracks", *home.glob("tracks-*")):
        if tracks == own or not tracks.is_dir():
            continue
        lock = home / tracks.name.replace("tracks", "dialer", 1)
        with suppress(AlreadyRunning), _locked(lock.with_name(f"{lock.name}.lock"), fcntl.LOCK_EX, ""):
            for left in tracks.iterdir():
                own.mkdir(parents=True, exist_ok=True)
                left.rename(own / left.name)
                log.info("tracks of a dialer that did not come again are ours now", tracks=str(left))


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
def _locked(file: Path, kind: int, taken: str) -> Iterator[None]:
    """Hold a lock that the kernel drops when we die. Raises ``AlreadyRunning`` with those words."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(taken) from None
        yield
