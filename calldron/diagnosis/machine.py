"""What this machine gives the installation: folders, disk, keys, settings."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from calldron.config import Config
from calldron.diagnosis.finding import Finding

LOW_DISK = 1 << 30  # octets; an hour of recordings of a hundred calls is about that


def look(settings: Config) -> Iterator[Finding]:
    """Everything that needs no database."""
    yield from _home(settings.home)
    yield from _recordings(settings)
    yield from _settings(settings)
    yield from _translations()


def _home(home: Path) -> Iterator[Finding]:
    if not os.access(home, os.W_OK):
        yield Finding("home", False, f"{home} is not writable by this user; set CALLDRON_HOME or its owner")
        return
    yield Finding("home", True, str(home.resolve()))
    yield _room("disk", home)
    key = home / "secret_key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("secret key", False, f"others can read it: chmod 600 {key}")


def _recordings(settings: Config) -> Iterator[Finding]:
    folder = settings.recordings
    if folder.is_relative_to(settings.home):
        if folder.exists() and not os.access(folder, os.W_OK):
            yield Finding("recordings", False, f"{folder} is not writable by this user")
        return
    if not folder.is_dir():
        yield Finding("recordings", False, f"there is no {folder}; is it mounted? Set CALLDRON_RECORDINGS")
    elif not os.access(folder, os.W_OK):
        yield Finding("recordings", False, f"{folder} is not writable by this user")
    else:
        yield Finding("recordings", True, str(folder.resolve()))
        yield _room("disk of recordings", folder)


def _room(subject: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    words = f"{free / 2**30:.1f} GB free"
    return Finding(subject, free > LOW_DISK, words if free > LOW_DISK else f"{words}; recordings need room")


def _settings(settings: Config) -> Iterator[Finding]:
    if settings.public_url.startswith("https://") and "*" in settings.allowed_hosts:
        words = "any host name is answered to, so that links can be made to lead elsewhere: set CALLDRON_ALLOWED_HOSTS"
        yield Finding("allowed hosts", False, words)


def _translations() -> Iterator[Finding]:
    compiled = Path(__file__).parents[1] / "locale" / "ru" / "LC_MESSAGES" / "django.mo"
    if not compiled.exists():
        yield Finding("translations", False, "Russian is not compiled: make setup")
