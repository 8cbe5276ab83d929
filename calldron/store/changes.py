"""Seeing that somebody else committed: SQLite counts, for each connection, the commits of all others."""

import asyncio
from sqlite3 import Connection

from django.db.backends.base.base import BaseDatabaseWrapper

from calldron.store.thread import DatabaseThread

POLL = 0.05  # seconds; one look costs some ten microseconds


class Changes:
    """Commits of other connections, of this process or any other. What came since the last wait is not missed."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._seen: tuple[Connection, int] | None = None

    async def wait(self, timeout: float) -> bool:
        """Until somebody committed, at most ``timeout`` seconds; whether somebody did."""
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


def _data_version(connection: BaseDatabaseWrapper) -> tuple[Connection, int]:
    """https://www.sqlite.org/pragma.html#pragma_data_version: values of different connections say nothing together,
    so that after a new connection everything counts as changed."""
    connection.ensure_connection()
    raw: Connection = connection.connection
    (version,) = raw.execute("PRAGMA data_version").fetchone()
    return raw, version
