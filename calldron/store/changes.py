"""Seeing that somebody else committed something that the dialer is to act on.

SQLite counts, for each connection, the commits of all others. On PostgreSQL whoever commits such a thing says so in the
same transaction, by ``announce``.
"""

import asyncio
from sqlite3 import Connection
from typing import TYPE_CHECKING, Protocol, cast

import structlog
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import AsyncConnection, Error

from calldron.store.thread import DatabaseThread

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper

log = structlog.get_logger(__name__)

POLL = 0.05  # seconds; one look at SQLite costs some ten microseconds
BLIND = 1.0  # seconds between looks while PostgreSQL can't tell us
CHANNEL = "calldron"


class Changes(Protocol):
    """Commits of other connections, of this process or any other. What came since the last wait is not missed."""

    async def wait(self, timeout: float) -> bool:
        """Until somebody committed, at most ``timeout`` seconds; whether somebody did, or may have."""

    async def close(self) -> None:
        """Listen no more."""


def changes_of(alias: str, thread: DatabaseThread) -> Changes:
    """How changes of this database are seen."""
    return Notices(alias) if connections[alias].vendor == "postgresql" else Commits(thread)


def announce(connection: BaseDatabaseWrapper) -> None:
    """Tell every dialer, once the transaction is committed, that calls may go out or were taken back. Nothing is to be
    done on SQLite, where every commit is seen."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


class Commits:
    """SQLite's own count of commits, looked at by the connection of ``thread``."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._seen: tuple[Connection, int] | None = None

    async def wait(self, timeout: float) -> bool:
        """See ``Changes``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            seen = await self._thread.ask(_data_version)
            changed = self._seen is not None and seen != self._seen
            self._seen = seen
            left = deadline - loop.time()
            if changed or left <= 0:
                return changed
            await asyncio.sleep(min(POLL, left))

    async def close(self) -> None:
        """See ``Changes``."""


def _data_version(connection: BaseDatabaseWrapper) -> tuple[Connection, int]:
    """https://www.sqlite.org/pragma.html#pragma_data_version: values of different connections say nothing together,
    so that after a new connection everything counts as changed."""
    connection.ensure_connection()
    raw: Connection = connection.connection
    (version,) = raw.execute("PRAGMA data_version").fetchone()
    return raw, version


class Notices:
    """LISTEN on a connection of its own. While it is down, everything may have changed, once a second."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._connection: AsyncConnection | None = None
        self._deaf = False

    async def wait(self, timeout: float) -> bool:
        """See ``Changes``."""
        try:
            if self._connection is None:
                missed = self._deaf
                self._connection = await self._listen()
                if missed:
                    return True
            return await _heard(self._connection, timeout)
        except Error as error:
            if not self._deaf:
                log.warning("not told of changes, looking for them", error=str(error))
                self._deaf = True
            await self.close()
            await asyncio.sleep(min(BLIND, timeout))
            return True

    async def close(self) -> None:
        """See ``Changes``."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _listen(self) -> AsyncConnection:
        wrapper = cast("DatabaseWrapper", connections[self._alias])
        parameters = wrapper.get_connection_params()
        for of_django in ("cursor_factory", "context"):
            del parameters[of_django]
        connection = await AsyncConnection.connect(**parameters, autocommit=True)
        await connection.execute(f"LISTEN {CHANNEL}")
        self._deaf = False
        return connection


async def _heard(connection: AsyncConnection, timeout: float) -> bool:
    await connection.execute("SELECT 1")  # is anybody there? What was announced before comes with the answer
    return bool([notice async for notice in connection.notifies(timeout=timeout, stop_after=1)])
