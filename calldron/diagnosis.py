"""``calldron doctor``: looks at everything that can be wrong and says what to do."""

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from calldron import bootstrap
from calldron.config import Config
from calldron.services import trunks
from calldron.store.models import TrunkRow, User

LOW_DISK = 1 << 30  # octets; an hour of recordings of a hundred calls is about that


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: at what, whether it is well, and in words what was found or what to do."""

    subject: str
    good: bool
    words: str


def examine(settings: Config) -> list[Finding]:
    """Every look in turn. Places no call and changes nothing."""
    return [*_home(settings.home), *_database(), *_trunks(settings), *_dialer(settings.home), *_translations()]


def _home(home: Path) -> Iterator[Finding]:
    if not os.access(home, os.W_OK):
        yield Finding("home", False, f"{home} is not writable by this user; set CALLDRON_HOME or its owner")
        return
    yield Finding("home", True, str(home.resolve()))
    free = shutil.disk_usage(home).free
    yield Finding(
        "disk", free > LOW_DISK, f"{free / 2**30:.1f} GB free" + ("" if free > LOW_DISK else "; recordings need room")
    )
    key = home / "secret_key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("secret key", False, f"others can read it: chmod 600 {key}")


def _database() -> Iterator[Finding]:
    try:
        pending = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
        if pending:
            yield Finding("database", False, f"{len(pending)} migrations are missing: calldron migrate")
            return
        users = User.objects.count()
    except DatabaseError as error:
        yield Finding("database", False, f"can't be read: {error}")
        return
    yield Finding("database", True, f"{connection.vendor}, up to date")
    yield Finding("users", users > 0, f"{users}" if users else "none yet: calldron user add EMAIL")


def _trunks(settings: Config) -> Iterator[Finding]:
    try:
        rows = trunks.listed()
    except DatabaseError:
        return
    real = [row for row in rows if not row.sandbox]
    if not real:
        yield Finding("trunk", True, f"none, calls go to the sandbox on port {settings.sandbox_port}")
    for row in real:
        yield _trunk(row)


def _trunk(row: TrunkRow) -> Finding:
    kind = socket.SOCK_STREAM if row.transport == "tcp" else socket.SOCK_DGRAM
    try:
        family, _, _, _, address = socket.getaddrinfo(row.host, row.port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            probe.settimeout(3)
            probe.connect(address)
            local = probe.getsockname()[0]
    except OSError as error:
        return Finding(f"trunk {row.name}", False, f"{row.host}:{row.port} can't be reached: {error}")
    return Finding(
        f"trunk {row.name}",
        True,
        f"{row.host}:{row.port} is reached from {local}; calldron trunk test {row.name} NUMBER places a call",
    )


def _dialer(home: Path) -> Iterator[Finding]:
    try:
        with bootstrap.only_dialer_of(home):
            yield Finding("dialer", False, "not running, nothing is dialled: calldron serve")
    except bootstrap.AlreadyRunning:
        yield Finding("dialer", True, "running")


def _translations() -> Iterator[Finding]:
    compiled = Path(__file__).parent / "locale" / "ru" / "LC_MESSAGES" / "django.mo"
    if not compiled.exists():
        yield Finding("translations", False, "Russian is not compiled: make setup")
