"""The database of a round: one of its own, copied from one that was migrated once."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
from peers.postgres import Postgres, PostgresFailed

from chaos.environment import environment
from chaos.ports import lasting_port

NAMES = ("sqlite", "postgres")


class Database(Protocol):
    """Of one installation. ``disk`` is the folder of all that the installation writes, which may become full."""

    disk: Path

    key: str
    """Of the API."""

    async def make(self, trunk: tuple[int, int, int]) -> None:
        """Create it, with an account and a trunk of this port, cps and channels."""

    def home(self, program: str) -> Path:
        """The folder of a program: nodes on one SQLite file share it, others are machines of their own."""

    def environment(self) -> dict[str, str]:
        """What tells ``calldron`` of it."""

    async def kill(self, seconds: float) -> None:
        """``kill -9`` of the server, which is started again after so long."""

    async def stop(self, seconds: float) -> None:
        """The same in good order: sessions are broken off."""

    async def recover(self) -> None:
        """Start the server if it ended by itself, as an operator would once the disk has room again."""

    async def close(self) -> None:
        """End it."""


class Template(Protocol):
    """What rounds start from."""

    def fresh(self, folder: Path) -> Database:
        """A database for a round whose logs are in this folder."""


class _Sqlite:
    def __init__(self, template: Path, key: str, folder: Path) -> None:
        self.disk = folder / "disk"
        self.key = key
        self._template = template

    async def make(self, trunk: tuple[int, int, int]) -> None:
        home = self.home("")
        home.mkdir()
        file = home / "calldron.sqlite3"
        shutil.copy(self._template / file.name, file)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE store_trunkrow SET port = ?, cps = ?, channels = ?", trunk)

    def home(self, program: str) -> Path:
        return self.disk / "home"

    def environment(self) -> dict[str, str]:
        return {}

    async def kill(self, seconds: float) -> None:
        raise NotImplementedError("there is no server")

    stop = kill

    async def recover(self) -> None:
        return

    async def close(self) -> None:
        return


class _Postgres:
    def __init__(self, template: Postgres, key: str, disk: Path) -> None:
        self.disk = disk
        self.key = key
        self._template = template
        self._server: Postgres | None = None
        self._turn = asyncio.Lock()  # faults overlap, and one server is started at a time

    async def make(self, trunk: tuple[int, int, int]) -> None:
        folder = self.disk / "postgres"
        folder.mkdir(mode=0o755)
        self._server = await asyncio.to_thread(self._template.copy, folder, lasting_port())
        await asyncio.to_thread(self._server.start)
        with psycopg.connect(self._server.url()) as connection:
            connection.execute("UPDATE store_trunkrow SET port = %s, cps = %s, channels = %s", trunk)

    def home(self, program: str) -> Path:
        return self.disk / program

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self._running.url()}

    async def kill(self, seconds: float) -> None:
        async with self._turn:
            if self._running.up:
                await asyncio.to_thread(self._running.kill)
                await self._start_again(seconds)

    async def stop(self, seconds: float) -> None:
        async with self._turn:
            if self._running.up:
                await asyncio.to_thread(self._running.stop, signal.SIGINT)
                await self._start_again(seconds)

    async def recover(self) -> None:
        async with self._turn:
            if not self._running.up:
                await self._start_again(0)

    async def close(self) -> None:
        if self._server is not None and self._server.up:
            await asyncio.to_thread(self._server.kill)

    async def _start_again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(self._running.start)
        except PostgresFailed:  # no room on the disk: it is tried again once there is
            if self._running.up:
                raise

    @property
    def _running(self) -> Postgres:
        assert self._server is not None, "make it first"
        return self._server


class _SqliteTemplate:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._key = _prepare(home, {})

    def fresh(self, folder: Path) -> Database:
        return _Sqlite(self._home, self._key, folder)


class _PostgresTemplate:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serial = count(1)
        self._server = Postgres(folder, port=lasting_port())
        self._server.create()
        self._server.start()
        try:
            self._key = _prepare(folder, {"DATABASE_URL": self._server.url()})
        finally:
            self._server.stop()

    def fresh(self, folder: Path) -> Database:
        return _Postgres(self._server, self._key, self._folder / f"round{next(self._serial)}")


@contextmanager
def template(database: str) -> Iterator[Template]:
    """What rounds on this kind of database start from; theirs are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        yield _SqliteTemplate(folder) if database == "sqlite" else _PostgresTemplate(folder)


def _prepare(home: Path, database: dict[str, str]) -> str:
    """Tables, user and trunk; the user's key."""
    done = subprocess.run(
        [sys.executable, "-m", "chaos.prepare"],
        env={**environment(), **database, "CALLDRON_HOME": str(home)},
        cwd=home,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    return done.stdout
